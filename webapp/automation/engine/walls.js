// What a page shows to a visitor, as facts for the walls: visible text, frames and marks. Scripts, cookies and markup out of sight do not count.
({marks, patterns}) => {
  const seen = (el) => {
    const r = el.getBoundingClientRect();
    return r.width > 20 && r.height > 20 && el.checkVisibility({visibilityProperty: true, opacityProperty: true});
  };
  const body = document.body;
  const text = body ? body.innerText : document.documentElement?.textContent || "";
  const controls = [...document.querySelectorAll("input:not([type=hidden]),textarea,select")].filter(seen).length;
  const links = [...document.querySelectorAll("a[href]")].filter(seen).length;
  const frames = [...document.querySelectorAll("iframe,frame")].filter((el) => patterns.some((one) => new RegExp(one, "i").test(el.src)) && seen(el)).map((el) => el.src.slice(0, 300));
  return {
    title: document.title.slice(0, 200),
    text: text.slice(0, 6000),
    length: text.length,
    controls, links, frames,
    marks: marks.filter((one) => [...document.querySelectorAll(one)].some(seen)),
  };
}
