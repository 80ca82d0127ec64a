// One frame's forms and controls as plain facts. `kept` is the frame's register: element to number, number to element.
const tokens = (el) => tidy(attr(el, "class") + (attr(el, "id") ? " #" + attr(el, "id") : ""));
const around = (el, levels) => {
  const found = [];
  for (let at = up(el), level = 0; at && at !== document.body && level < levels; at = up(at), level++) {
    const said = tokens(at);
    if (said) found.push(said);
  }
  return cut(found.join(" "), 600);
};
const numberOf = (kept, el) => {
  if (!kept.ids.has(el)) kept.ids.set(el, kept.els.push(el) - 1);
  return kept.ids.get(el);
};
const boxOf = (el) => {
  const r = rectOf(el);
  return r.width || r.height ? [r.left, r.top, r.width, r.height] : null;
};
const escaped = (text) => CSS.escape(text);
const only = (root, css, el) => {
  const found = query(root, css);
  return found.length === 1 && found[0] === el;
};
const MADE = /\d{4,}|[0-9a-f]{8,}|^(ember|react|:r|mui|radix|headlessui|__)|^[a-z]{1,2}\d+$/i;
const selectorOf = (el, form) => {
  const root = rootOf(el), id = attr(el, "id"), name = attr(el, "name"), tag = tagOf(el);
  if (id && !MADE.test(id) && only(root, "#" + escaped(id), el)) return "#" + escaped(id);
  if (name) {
    const value = CHOICE(el) && attr(el, "value") ? `[value="${escaped(attr(el, "value"))}"]` : "";
    const own = `${tag}[name="${escaped(name)}"]${value}`;
    if (only(root, own, el)) return own;
    const whole = form && tagOf(form) === "form" && rootOf(form) === root ? selectorOf(form, null) + " " + own : "";
    if (whole && only(root, whole, el)) return whole;
  }
  if (id && only(root, "#" + escaped(id), el)) return "#" + escaped(id);
  const steps = [];
  for (let at = el; at instanceof Element; at = parentOf.call(at)) {
    const same = at.parentNode ? [...at.parentNode.children].filter((one) => tagOf(one) === tagOf(at)) : [];
    steps.unshift(tagOf(at) + (same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ""));
    const stable = attr(at, "id");
    if (at !== el && stable && !MADE.test(stable) && only(root, "#" + escaped(stable), at)) {
      steps[0] = "#" + escaped(stable);
      break;
    }
  }
  return steps.join(" > ");
};

const optionsOf = (el) => {
  if (tagOf(el) === "select") return [...el.options].slice(0, 500).map((one) => [one.value, tidy(one.label || one.text), one.disabled || (one.parentNode instanceof HTMLOptGroupElement && one.parentNode.disabled)]);
  const list = attr(el, "role") === "listbox" ? el : byId(el, attr(el, "aria-controls") || attr(el, "aria-owns") || attr(el, "list"))[0];
  if (!list) return [];
  return [...query(list, '[role="option"],option')].slice(0, 500).map((one) => [attr(one, "data-value") || attr(one, "value") || wordsOf(one, 120), wordsOf(one, 120) || attr(one, "value"), attr(one, "aria-disabled") === "true"]);
};
const MUST = /(^|[\s_-])(required|mandatory|validates-as-required|contains_required|is-required|pflicht\w*|obligatoire|obligatorio)($|[\s_-])|validate\[[^\]]*required/i;
const MAY = /not[\s_-]required|optional/i;
const mustFill = (el, wrapper, labels) => {
  if (el.required === true || attr(el, "aria-required") === "true") return true;
  if (/^(true|required|1)$/.test(attr(el, "data-required")) || attr(el, "data-val-required") || has(el, "data-rule-required") && attr(el, "data-rule-required") !== "false") return true;
  const said = [el, wrapper, ...labels].filter(Boolean).map((one) => attr(one, "class")).join(" ");
  return (MUST.test(said) && !MAY.test(said)) || labels.some(starred);
};

const control = (kept, el, form, mates) => {
  const tag = isButton(el) ? "button" : isNative(el) ? tagOf(el) : "widget";
  const role = attr(el, "role");
  const type = isNative(el) ? typeOf(el) : tag === "button" ? "link" : role || (has(el, "aria-haspopup") ? "listbox" : "editable");
  const button = tag === "button", sleeping = type === "hidden";
  const labels = button || sleeping ? [] : labelsOf(el, form);
  const wrapper = button || sleeping ? null : wrapperOf(el, form);
  const texts = sleeping ? {} : textsOf(el, form, wrapper, labels);
  if (button) texts.label = isNative(el) && tagOf(el) === "input" ? attr(el, "value") || attr(el, "alt") : wordsOf(el, 120) || texts.aria || texts.title || "";
  const why = button ? sight(el).why : reasonOf(el, mates);
  const proxy = button || sleeping ? null : proxyOf(el, wrapper, labels);
  return {
    n: numberOf(kept, el), tag, type, role, texts, why,
    name: attr(el, "name"), id: attr(el, "id"), autocomplete: attr(el, "autocomplete"), classes: attr(el, "class"),
    container: sleeping ? "" : around(el, 4), wrapper: wrapper ? tokens(wrapper) : "",
    value: cut(String((isNative(el) ? el.value : tag === "widget" ? el.textContent : "") || "").trim(), 500),
    checked: isNative(el) ? el.checked === true : attr(el, "aria-checked") === "true",
    required: !button && !sleeping && mustFill(el, wrapper, labels),
    disabled: is(el, ":disabled") || attr(el, "aria-disabled") === "true",
    readonly: el.readOnly === true || attr(el, "aria-readonly") === "true",
    visible: !why, proxied: !!proxy, proxy: proxy ? numberOf(kept, proxy) : null,
    labelled: labels.some(shown),
    maxLength: isNative(el) && el.maxLength > 0 ? el.maxLength : null,
    pattern: attr(el, "pattern"), inputMode: attr(el, "inputmode"),
    tabIndex: has(el, "tabindex") ? parseInt(attr(el, "tabindex"), 10) || 0 : null,
    options: button || sleeping ? [] : optionsOf(el), selector: sleeping ? "" : selectorOf(el, form), box: !why ? boxOf(el) : proxy ? boxOf(proxy) : null,
  };
};

const sectionWords = (el) => {
  // The heading over a form and the words between: backwards in the document, at most a screen's worth.
  const heads = [], said = [];
  let at = el, room = 400;
  for (let level = 0; level < 8 && at && at !== document.documentElement && room > 0; level++) {
    for (let one = at.previousSibling; one && room > 0; one = one.previousSibling) {
      if (one.nodeType === 8) continue;
      if (one instanceof Element && (SILENT.has(tagOf(one)) || tagOf(one) === "form" || holdsControl(one))) { if (tagOf(one) === "form" || holdsControl(one)) room = 0; continue; }
      const text = wordsOf(one, room);
      if (!text) continue;
      const head = one instanceof Element ? (is(one, "h1,h2,h3,h4,h5,h6,legend,[role=heading]") ? one : [...query(one, "h1,h2,h3,h4,h5,h6,[role=heading]")].pop()) : null;
      if (head && heads.length < 2) heads.push(wordsOf(head, 160));
      said.unshift(text);
      room -= text.length;
    }
    if (heads.length) break;
    at = up(at);
    if (!at || at === document.body) break;
  }
  return [heads[0] || "", cut(tidy(said.join(" ")), 400)];
};
const landmarkOf = (el) => {
  const at = closest(el, 'header,nav,footer,aside,dialog,[role="banner"],[role="navigation"],[role="contentinfo"],[role="complementary"],[role="dialog"],[role="search"],main,[role="main"]');
  if (!at) return "";
  return { banner: "header", navigation: "nav", contentinfo: "footer", complementary: "aside" }[attr(at, "role")] || attr(at, "role") || tagOf(at);
};

const describe = (kept, form, members, index) => {
  const real = tagOf(form) === "form";
  const controls = members.slice(0, 600).map((el) => control(kept, el, form, members));
  const [heading, before] = sectionWords(form);
  const inner = [...query(form, "h1,h2,h3,h4,h5,h6,[role=heading]")].map((one) => wordsOf(one, 120)).filter(Boolean);
  const texts = {
    legend: [...query(form, "legend")].slice(0, 3).map((one) => wordsOf(one, 120)).filter(Boolean).join(" | "),
    heading: inner[0] || heading, above: heading, before, inner: inner.slice(0, 5).join(" | "),
    aria: named(form),
    buttons: controls.filter((one) => one.tag === "button").map((one) => one.texts.label || one.name).filter(Boolean).slice(0, 12).join(" | "),
    links: [...query(form, "a[href]")].slice(0, 12).map((one) => wordsOf(one, 60)).filter(Boolean).join(" | "),
    words: wordsOf(form, 1500), landmark: landmarkOf(form),
  };
  return {
    n: numberOf(kept, form), index, controls, texts, action: real ? attr(form, "action") : "", method: real ? (attr(form, "method") || "get").toLowerCase() : "",
    name: attr(form, "name"), id: attr(form, "id"), classes: attr(form, "class"), container: around(form, 5),
    visible: controls.some((one) => (one.visible || one.proxied) && one.tag !== "button"),
    inShadow: rootOf(form) instanceof ShadowRoot || members.some((one) => rootOf(one) instanceof ShadowRoot),
    selector: selectorOf(form, null), box: boxOf(form),
  };
};

// Controls without a form belong to the nearest box that also has a button of its own; a box with a single field joins a larger one around it.
const loose = (orphans, buttons) => {
  const groups = new Map();
  const sends = buttons.filter((one) => !orphans.some((field) => holds(field, one)));
  for (const el of orphans) {
    let box = up(el);
    while (box && box !== document.body && !sends.some((one) => holds(box, one))) box = up(box);
    if (!box || (box === document.body && !sends.length)) box = document.body;
    groups.set(box, [...(groups.get(box) || []), el]);
  }
  for (const [box, members] of [...groups]) {
    if (members.length > 2) continue;
    let outer = up(box);
    while (outer && !(groups.has(outer) && groups.get(outer).length > 1)) outer = up(outer);
    if (!outer || outer === document.body) continue;
    groups.set(outer, [...groups.get(outer), ...members]);
    groups.delete(box);
  }
  return groups;
};

const scan = (kept) => {
  const forms = [], all = [];
  everything(document, (el) => {
    if (tagOf(el) === "form") forms.push(el);
    else if (isFillable(el) || isButton(el) || (tagOf(el) === "input" && typeOf(el) === "hidden")) all.push(el);
  });
  const standsFor = (el) => {
    // A widget's inner parts, and a list drawn for a native select, are no fields of their own.
    if (!isWidget(el)) return false;
    for (let at = up(el); at; at = up(at)) if (isWidget(at) && !/listbox|textbox/.test(attr(at, "role"))) return true;
    if (CHOICE(el) && query(el, "input").length) return true;
    if (attr(el, "role") === "listbox" && el.id && query(rootOf(el), `[aria-controls~="${escaped(el.id)}"],[aria-owns~="${escaped(el.id)}"]`).length) return true;
    if (attr(el, "role") === "combobox" && query(el, "input").length) return true;
    return !CHOICE(el) && attr(el, "role") !== "textbox" && !has(el, "contenteditable") && [...query(parentOf.call(el), "select")].concat(up(up(el) || el) ? [...query(up(up(el) || el), "select")] : []).some((one) => sight(one).why);
  };
  const members = new Map(forms.map((one) => [one, []])), orphans = [], buttons = [];
  const listed = all.slice(0, 4000).filter((el) => !standsFor(el));
  for (const el of listed) {
    const form = (el.form instanceof HTMLFormElement && el.form) || closest(el, "form");
    if (form && members.has(form)) members.get(form).push(el);
    else if (isFillable(el)) orphans.push(el);
    else if (isButton(el)) buttons.push(el);
  }
  const found = forms.map((one, index) => [one, members.get(one), index]);
  for (const [box, fields] of loose(orphans, buttons)) {
    const mates = new Set([...fields, ...buttons.filter((one) => holds(box, one))]);
    found.push([box, listed.filter((one) => mates.has(one)), -1]);
  }
  const empty = found.filter(([, fields]) => fields.length);
  return { forms: empty.map(([one, fields, index]) => describe(kept, one, fields, index)), scroll: [scrollX, scrollY] };
};
