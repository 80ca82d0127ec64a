// Lists that are drawn by script. `marks` remembers what could be seen; `news` gives what has come into sight since, as clickable rows.
// Both take a function apart: the caller hands one frame's document over.
const rows = () => {
  const found = [];
  const visit = (root) => {
    for (const el of root.querySelectorAll("*")) {
      if (el.shadowRoot) visit(el.shadowRoot);
      found.push(el);
    }
  };
  visit(document);
  return found;
};
const inSight = (el) => {
  const box = el.getBoundingClientRect();
  return box.width > 1 && box.height > 1 && el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
};
const said = (el) => (el.innerText || el.textContent || "").replace(/\s+/g, " ").trim();
const marks = () => new WeakSet(rows().filter(inSight));
const isRow = (el) => /^(option|menuitem|menuitemradio|treeitem)$/.test(el.getAttribute("role") || "");
const optionsIn = (list) => [...list.querySelectorAll('[role="option"],[role="menuitemradio"],[role="menuitem"]')].filter(inSight);
// Rows of the list that this control names; else rows by role that are new; else new elements that hold a text of their own and no other.
const news = (seen, control) => {
  const named = (control.getAttribute("aria-controls") || control.getAttribute("aria-owns") || "").split(/\s+/).filter(Boolean);
  const own = named.map((id) => control.getRootNode().getElementById(id)).filter(Boolean).flatMap(optionsIn);
  if (own.length) return own;
  const inner = control.getAttribute("role") === "listbox" ? optionsIn(control) : [];
  if (inner.length) return inner;
  const fresh = rows().filter((el) => !seen.has(el) && inSight(el) && !control.contains(el));
  const byRole = fresh.filter(isRow);
  if (byRole.length) return byRole;
  return fresh.filter((el) => {
    const text = said(el);
    if (!text || text.length > 80 || /^(SCRIPT|STYLE|INPUT|TEXTAREA|LABEL|FORM)$/.test(el.tagName)) return false;
    return !fresh.some((other) => other !== el && el.contains(other) && said(other));
  });
};
const told = (list) => list.map((el) => [el.getAttribute("data-value") || el.getAttribute("value") || said(el), said(el), el.getAttribute("aria-disabled") === "true"]);
const optionsOf = (select) => [...select.options].map((one) => [one.value, (one.label || one.text).replace(/\s+/g, " ").trim(), one.disabled || !!(one.parentElement && one.parentElement.tagName === "OPTGROUP" && one.parentElement.disabled)]);
