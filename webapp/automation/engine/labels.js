// What a control is called, by where the words stand: Chromium's order, each source kept apart.
const EDGE = /^(form|body|html|main|section|article|header|footer|nav|aside|table|tbody|thead|ul|ol|dl)$/;
const CELL = /^(td|th|dd|li|p|div|fieldset|tr|label|span)$/;
const holdsControl = (node) => node instanceof Element && ((isFillable(node) && true) || [...query(node, "input,select,textarea," + WIDGETS)].some(isFillable));
const siblings = (el, step) => {
  const found = [];
  for (let at = el[step]; at; at = at[step]) found.push(at);
  return found;
};
const rootOf = (el) => el.getRootNode();
const byId = (el, ids) => ids.split(/\s+/).map((id) => id && rootOf(el).getElementById && rootOf(el).getElementById(id)).filter(Boolean);

const labelsOf = (el, form) => {
  // A label around several fields names none of them.
  const own = (one) => attr(one, "for") || [...query(one, "input,select,textarea," + WIDGETS)].filter((at) => isFillable(at) && !(CHOICE(at) && attr(at, "name") === attr(el, "name"))).every((at) => at === el || twin(el, at));
  let found = el.labels ? [...el.labels].filter(own) : [];
  if (!found.length && el.labels !== null) {
    const id = attr(el, "id"), name = attr(el, "name");
    const around = closest(el, "label");
    if (around && own(around)) found = [around];
    else if (id || name) found = [...query(form || rootOf(el), "label[for]")].filter((one) => (id && attr(one, "for") === id) || (name && !one.control && attr(one, "for") === name));
  }
  return found;
};
const FILLER = /^[\s*:：,.|•()[\]_-]*$/;
// Backwards from a control to the next one: text runs first beside it, then beside each box around it.
const textBefore = (el, form) => {
  let at = el;
  for (let level = 0; level < 7 && at && at !== form; level++) {
    if (tagOf(at) === "td" || tagOf(at) === "th") {
      const above = cellText(at);
      if (above !== null) return above;
    }
    const parts = [];
    for (const one of siblings(at, "previousSibling")) {
      if (one.nodeType === 8 || (one instanceof Element && SILENT.has(tagOf(one)) && !isFillable(one) && !isButton(one))) continue;
      if (holdsControl(one)) {
        const after = level ? "" : parts.join(" ");
        return tidy(after || parts.join(" "));
      }
      if (isButton(one instanceof Element ? one : document.body) && one instanceof Element) continue;
      const text = wordsOf(one, 240);
      if (FILLER.test(text)) {
        if (text) parts.unshift(text);
        continue;
      }
      parts.unshift(text);
      if (one instanceof Element && !/^(b|strong|span|font|i|em|sup|small|a|abbr|br|img)$/.test(tagOf(one))) break;
      if (parts.join(" ").length > 240) break;
    }
    const text = tidy(parts.join(" "));
    if (!FILLER.test(text)) return text;
    at = up(at);
    if (!at || at === document.body) break;
    if (EDGE.test(tagOf(at)) && !/^(ul|ol|dl|table|tbody)$/.test(tagOf(at))) break;
  }
  return "";
};
// A table's own logic: the cell to the left, else the one above in the same column.
const cellText = (cell) => {
  const row = up(cell);
  if (!row || tagOf(row) !== "tr") return null;
  const cells = [...row.cells];
  for (let left = cell.cellIndex - 1; left >= 0; left--) {
    if (holdsControl(cells[left])) break;
    const text = wordsOf(cells[left], 240);
    if (!FILLER.test(text)) return text;
  }
  const above = row.previousElementSibling;
  if (above && tagOf(above) === "tr" && !holdsControl(above) && above.cells.length === cells.length && cells.length > 1) {
    const text = wordsOf(above.cells[cell.cellIndex], 240);
    if (!FILLER.test(text)) return text;
  }
  return null;
};
const textAfter = (el) => {
  const parts = [];
  let at = el;
  for (let level = 0; level < 2 && !parts.length; level++) {
    for (const one of siblings(at, "nextSibling")) {
      if (one.nodeType === 8) continue;
      if (holdsControl(one) || (one instanceof Element && (isButton(one) || tagOf(one) === "br" || tagOf(one) === "hr"))) {
        if (one instanceof Element && tagOf(one) === "br" && !parts.length && !CHOICE(el)) continue;
        break;
      }
      const text = wordsOf(one, 300);
      if (!text) continue;
      parts.push(text);
      if (one instanceof Element && /^(div|p|label|td|li)$/.test(tagOf(one))) break;
    }
    at = up(at);
    if (!at || !/^(span|label|b|strong|font|td|div|i)$/.test(tagOf(at)) || query(at, "input,select,textarea").length > 1) break;
  }
  return cut(tidy(parts.join(" ")), 400);
};
// A floating label lies over its control without being tied to it.
const textOver = (el, wrapper) => {
  const box = rectOf(el);
  if (!wrapper || box.width < 20) return "";
  for (const one of query(wrapper, "label,span,div,p")) {
    if (holdsControl(one) || one.childElementCount > 2) continue;
    const r = rectOf(one);
    if (r.width < 4 || r.left < box.left - 2 || r.right > box.right + 2 || r.top < box.top - 12 || r.bottom > box.bottom + 4) continue;
    const text = wordsOf(one, 120);
    if (!FILLER.test(text)) return text;
  }
  return "";
};
// The largest box around a control that holds no other: its field.
const wrapperOf = (el, form) => {
  let found = null;
  const name = CHOICE(el) ? attr(el, "name") : "";
  for (let at = up(el), level = 0; at && at !== form && at !== document.body && level < 8; at = up(at), level++) {
    if (tagOf(at) === "form" || has(at, "data-never")) break;
    const others = [...query(at, "input,select,textarea," + WIDGETS)].filter(
      (one) => one !== el && isFillable(one) && !holds(one, el) && !(name && attr(one, "name") === name) && !twin(el, one),
    );
    if (others.length) break;
    found = at;
  }
  return found;
};
// The widget drawn beside a native control that it replaces is no second field.
const twin = (el, one) => (tagOf(el) === "select" && isWidget(one)) || (isWidget(el) && tagOf(one) === "select");
const groupText = (el, form, wrapper) => {
  const box = closest(up(el) || el, 'fieldset,[role="group"],[role="radiogroup"]');
  if (box && box !== form && (!form || !form.isConnected || holds(form, box))) {
    const legend = [...query(box, "legend")].find((one) => closest(one, "fieldset") === box);
    const text = legend ? wordsOf(legend, 200) : named(box) || (CHOICE(el) && wrapper ? firstWords(box) : "");
    if (text) return text;
  }
  return CHOICE(el) && wrapper ? firstWords(wrapper) || textBefore(wrapper, form) : "";
};
const firstWords = (box) => {
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  const parts = [];
  for (let at = walker.nextNode(); at; at = walker.nextNode()) {
    if (at instanceof Element && (isFillable(at) || (tagOf(at) === "label" && holdsControl(at)))) break;
    if (at.nodeType === 3 && !closest(parentOf.call(at), "script,style,option,button")) parts.push(at.nodeValue);
  }
  return cut(tidy(parts.join(" ")), 200);
};
const named = (el) => tidy(byId(el, attr(el, "aria-labelledby")).map((one) => wordsOf(one, 200)).join(" ")) || tidy(attr(el, "aria-label"));
const starred = (el) => {
  for (const side of ["::before", "::after"]) if (/[*✱∗]/.test(getComputedStyle(el, side).content)) return true;
  return false;
};

const textsOf = (el, form, wrapper, labels) => {
  const found = {};
  const keep = (source, text) => {
    if (text && !FILLER.test(text)) found[source] = cut(tidy(text), 400);
  };
  keep("label", labels.map((one) => wordsOf(one, 300)).join(" "));
  keep("aria", named(el));
  keep("placeholder", attr(el, "placeholder") || attr(el, "data-placeholder"));
  keep("title", attr(el, "title"));
  if (!isButton(el)) {
    keep("before", textBefore(el, form));
    keep("over", found.label ? "" : textOver(el, wrapper));
    keep("after", textAfter(el));
    keep("heading", groupText(el, form, wrapper));
    keep("hint", [...byId(el, attr(el, "aria-describedby")).map((one) => wordsOf(one, 200)), wrapper ? wordsOf(wrapper, 300) : ""].join(" "));
    const host = rootOf(el) instanceof ShadowRoot ? rootOf(el).host : null;
    if (host && !found.label) keep("label", attr(host, "label") || attr(host, "aria-label"));
  }
  return found;
};
