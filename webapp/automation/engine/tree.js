// The page as one tree: attributes that a form's own controls cannot shadow, and ways through shadow roots.
const attr = (el, name) => Element.prototype.getAttribute.call(el, name) || "";
const has = (el, name) => Element.prototype.hasAttribute.call(el, name);
const getter = (kind, name) => Object.getOwnPropertyDescriptor(kind.prototype, name).get;
const parentOf = getter(Node, "parentNode");
const kidsOf = getter(Node, "childNodes");
const rectOf = (el) => Element.prototype.getBoundingClientRect.call(el);
const query = (root, css) => (root instanceof Element ? Element : root instanceof Document ? Document : DocumentFragment).prototype.querySelectorAll.call(root, css);
const is = (el, css) => Element.prototype.matches.call(el, css);
const holds = (outer, inner) => {
  for (let at = inner; at; at = up(at)) if (at === outer) return true;
  return false;
};
const hidden = (host) => {
  const look = Element.prototype.attachShadow[SECRET];
  return host.shadowRoot || (look ? look(host) : null);
};
// The parent as it is drawn: through a slot and out of a shadow root.
const up = (node) => {
  const parent = node.assignedSlot || parentOf.call(node);
  return parent instanceof ShadowRoot ? parent.host : parent instanceof Element ? parent : null;
};
const closest = (el, css) => {
  for (let at = el; at; at = up(at)) if (is(at, css)) return at;
  return null;
};
const everything = (root, visit) => {
  for (const el of query(root, "*")) {
    visit(el);
    const inner = hidden(el);
    if (inner) everything(inner, visit);
  }
};
const tagOf = (el) => el.localName;
const tidy = (text) => text.replace(/[\s\u00a0\u200b\ufeff]+/g, " ").trim();
const cut = (text, most) => (text.length > most ? text.slice(0, most) : text);

const BUTTONS = new Set(["submit", "button", "reset", "image"]);
const typeOf = (el) => {
  const tag = tagOf(el);
  if (tag === "input") return String(el.type || "text").toLowerCase();
  if (tag === "button") return (attr(el, "type") || "submit").toLowerCase();
  if (tag === "select") return el.multiple ? "multiple" : "one";
  return tag === "textarea" ? "textarea" : "";
};
const WIDGETS =
  '[role="combobox"],[role="listbox"],[role="textbox"],[role="checkbox"],[role="radio"],[role="switch"],[aria-haspopup="listbox"],[contenteditable=""],[contenteditable="true"],[contenteditable="plaintext-only"]';
const isNative = (el) => /^(input|select|textarea|button)$/.test(tagOf(el)) && !(tagOf(el) === "button" && is(el, WIDGETS));
const isButton = (el) =>
  (isNative(el) && (tagOf(el) === "button" || (tagOf(el) === "input" && BUTTONS.has(typeOf(el))))) ||
  (!isNative(el) && is(el, '[role="button"]:not([aria-haspopup="listbox"]),a[class*="btn"],a[class*="button"],a[class*="submit"],a[onclick*="submit"],a[href*="__doPostBack"]'));
const isWidget = (el) => !isNative(el) && !isButton(el) && is(el, WIDGETS);
const isFillable = (el) => (isNative(el) ? !isButton(el) && typeOf(el) !== "hidden" : isWidget(el));
const CHOICE = (el) => /^(checkbox|radio|switch)$/.test(isNative(el) ? typeOf(el) : attr(el, "role"));

const SILENT = new Set(["script", "style", "noscript", "template", "select", "option", "datalist", "textarea", "button", "svg", "iframe", "object", "input"]);
// The words of a node without those of controls; parts that are not displayed are left out unless the node itself is.
const wordsOf = (node, most = 400) => {
  let text = "";
  const visit = (at, skipUndisplayed) => {
    if (text.length > most) return;
    if (at.nodeType === 3) text += at.nodeValue;
    if (!(at instanceof Element)) return;
    const tag = tagOf(at);
    if (tag === "br") text += " ";
    if (tag === "img") text += " " + attr(at, "alt") + " ";
    if (SILENT.has(tag) || is(at, '[role="listbox"],[role="combobox"]')) return;
    if (skipUndisplayed && getComputedStyle(at).display === "none") return;
    const inner = tag === "slot" ? at.assignedNodes() : [];
    const block = !/^(span|b|i|em|strong|font|a|small|sup|sub|abbr|u|label)$/.test(tag);
    if (block) text += " ";
    for (const kid of inner.length ? inner : kidsOf.call(at)) visit(kid, skipUndisplayed);
    if (block) text += " ";
  };
  const displayed = !(node instanceof Element) || node.checkVisibility();
  if (node instanceof Element && (tagOf(node) === "button" || !SILENT.has(tagOf(node)))) for (const kid of tagOf(node) === "slot" ? node.assignedNodes() : kidsOf.call(node)) visit(kid, displayed);
  else if (node.nodeType === 3) text = node.nodeValue;
  return cut(tidy(text), most);
};
