// Links, openers and addresses of this page, as facts. Openers are told in the order in which `element` finds them; `still` when
// nothing in it could draw a form later.
({about, ask, element}) => {
  const roots = [document];
  for (let at = 0; at < roots.length && at < 60; at++) for (const el of roots[at].querySelectorAll("*")) if (el.shadowRoot) roots.push(el.shadowRoot);
  const query = (css) => roots.flatMap((root) => [...root.querySelectorAll(css)]);
  const tidy = (text) => (text || "").replace(/\s+/g, " ").trim();
  const visible = (el) => {
    const r = el.getBoundingClientRect();
    return r.width > 1 && r.height > 1 && el.checkVisibility({visibilityProperty: true, opacityProperty: true});
  };
  const said = (el) => tidy(el.innerText) || tidy(el.getAttribute("aria-label")) || tidy(el.title) || tidy(el.querySelector("img[alt]")?.alt) || tidy(el.textContent);
  const place = (el) => {
    const at = el.closest("nav,[role=navigation],header,footer,main,article,aside,[class*=menu i],[class*=footer i],[class*=header i]");
    if (!at) return "body";
    const name = at.tagName.toLowerCase(), classes = String(at.className?.baseVal ?? at.className);
    if (["nav", "header", "footer", "main", "article", "aside"].includes(name)) return name;
    return /footer/i.test(classes) ? "footer" : /menu|header/i.test(classes) || at.getAttribute("role") ? "nav" : "body";
  };
  const here = location.href.split("#")[0];
  const matter = new RegExp(about, "i"), asks = new RegExp(ask, "i");
  const opener = (el) => {
    if (!visible(el) || el.disabled) return false;
    if (el.tagName === "A") {
      const href = el.getAttribute("href");
      if (href && !/^(#|javascript:)/i.test(href) && el.href.split("#")[0] !== here) return false;
    }
    const form = el.closest("form");
    if (form && (el.type || "submit") === "submit" && ["BUTTON", "INPUT"].includes(el.tagName)) return false;
    const text = said(el);
    return text.length > 0 && text.length < 60 && (matter.test(text) || asks.test(text));
  };
  const openers = query("button,[role=button],[role=tab],summary,a,input[type=button],[aria-expanded],[data-toggle],[data-bs-toggle]").filter(opener).slice(0, 12);
  if (element !== null) return openers[element] || null;
  const links = [], mails = [];
  for (const el of query("a[href],area[href]")) {
    const href = el.href;
    if (typeof href !== "string") continue;
    if (/^mailto:/i.test(href)) mails.push({to: href.slice(7).split("?")[0].trim(), visible: visible(el), place: place(el)});
    else if (/^https?:/i.test(href) && links.length < 800) {
      links.push({url: href, text: said(el).slice(0, 120), place: place(el), visible: visible(el), same: href.split("#")[0] === here});
    }
  }
  return {
    links, mails: mails.slice(0, 30),
    openers: openers.map((el) => ({text: said(el), expanded: el.getAttribute("aria-expanded") || "", selected: el.getAttribute("aria-selected") || ""})),
    text: (document.body ? document.body.innerText : "").slice(0, 20000),
    heading: tidy(query("h1")[0]?.innerText).slice(0, 200), title: document.title.slice(0, 200),
    controls: query("input:not([type=hidden]),textarea,select").length, frames: query("iframe,frame").length,
    still: !query('script:not([type*=json]),iframe,frame,[onload],meta[http-equiv="refresh" i]').length,
  };
}
