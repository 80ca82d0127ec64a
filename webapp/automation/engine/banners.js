// The consent banner of this frame, and which of its buttons refuses most. Returns the button's element, or null.
// `framed` when the frame itself is the banner. The reason is told by `why`, which runs the same search.
({words, framed, tell}) => {
  const roots = [document];
  for (let at = 0; at < roots.length && at < 40; at++) for (const el of roots[at].querySelectorAll("*")) if (el.shadowRoot) roots.push(el.shadowRoot);
  const query = (css) => roots.flatMap((root) => [...root.querySelectorAll(css)]);
  const parent = (el) => el.parentElement || (el.getRootNode() instanceof ShadowRoot ? el.getRootNode().host : null);
  const visible = (el) => {
    const r = el.getBoundingClientRect();
    return r.width > 3 && r.height > 3 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth && el.checkVisibility({visibilityProperty: true, opacityProperty: true});
  };
  const tidy = (text) => (text || "").replace(/\s+/g, " ").trim();
  const give = (name, kind, el) => tell ? {name, kind, text: tidy(el.innerText || el.getAttribute("aria-label")).slice(0, 80)} : el;
  for (const one of words.known) {
    if (!query(one.box).some(visible)) continue;
    for (const kind of ["refuse", "close"]) {
      const el = one[kind] && query(one[kind]).find(visible);
      if (el) return give(one.name, kind, el);
    }
  }
  const floats = (el) => {
    for (let at = el, step = 0; at && at !== document.body && step < 8; at = parent(at), step++) {
      const style = getComputedStyle(at);
      if (style.position === "fixed" || style.position === "sticky" || (style.position === "absolute" && Number(style.zIndex) > 10)) return at;
      if (at.tagName === "DIALOG" && at.open) return at;
      if (/^(alert)?dialog$/.test(at.getAttribute("role") || "") || at.getAttribute("aria-modal") === "true") return at;
    }
    return null;
  };
  const buttons = query("button,[role=button],input[type=button],input[type=submit],a").filter(visible);
  const boxes = new Map();
  for (const el of buttons) {
    const box = floats(el) || (framed ? document.body : null);
    if (!box || box.contains(document.activeElement?.closest?.("form") || null)) continue;
    if (!boxes.has(box)) boxes.set(box, []);
    boxes.get(box).push(el);
  }
  const match = (name, text) => new RegExp(words[name], "i").test(text);
  const rank = ["reject", "necessary", "close", "accept"];
  for (const [box, all] of boxes) {
    const text = tidy(box.innerText).slice(0, 3000);
    if (!match("about", text) || box.querySelector("textarea,input[type=email],input[type=password],input[type=tel]")) continue;
    const sorted = all.map((el) => {
      const said = tidy(el.innerText || el.value || "") || tidy(el.getAttribute("aria-label") || el.title);
      const named = tidy(el.getAttribute("aria-label"));
      const kind = rank.find((one) => match(one, said) || (named && match(one, named))) || (match("settings", said) ? "settings" : "");
      return {el, kind, link: el.tagName === "A" && /^https?:/.test(el.href) && !/#[^/]*$/.test(el.getAttribute("href") || "")};
    }).filter((one) => one.kind && !one.link);
    for (const kind of rank) {
      const fit = sorted.filter((one) => one.kind === kind);
      if (!fit.length) continue;
      if (kind === "accept" && fit.length > 1) continue;
      return give("", kind, fit[0].el);
    }
  }
  return null;
}
