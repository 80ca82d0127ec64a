// Whether a person sees an element, and when not, what hides it: the reason and the element to blame.
const shown = (el) => {
  const box = rectOf(el);
  return el.checkVisibility({ opacityProperty: false, visibilityProperty: true, contentVisibilityAuto: true }) && box.width > 1 && box.height > 1 && !sight(el).why;
};
const noClip = (style) => {
  const clip = style.position === "absolute" || style.position === "fixed" ? /^rect\(([-\d.]+)px, ([-\d.]+)px, ([-\d.]+)px, ([-\d.]+)px\)$/.exec(style.clip) : null;
  if (clip && (clip[2] - clip[4] <= 1 || clip[3] - clip[1] <= 1)) return false;
  return !/^(inset\((5\d|[6-9]\d|100)%\)|inset\(100%|circle\(0|polygon\(0(px|%)? 0(px|%)?, 0(px|%)? 0)/.test(style.clipPath);
};
const sights = new WeakMap();
const sight = (el) => {
  const known = sights.get(el);
  if (known) return known;
  const found = look(el);
  sights.set(el, found);
  return found;
};
const look = (el) => {
  if (tagOf(el) === "input" && typeOf(el) === "hidden") return { why: "type", by: el };
  if (!el.isConnected) return { why: "display", by: el };
  let invisible = null;
  const chain = [];
  for (let at = el; at; at = up(at)) chain.push([at, getComputedStyle(at)]);
  for (const [at, style] of chain) {
    if (style.display === "none") return { why: "display", by: at };
    if (tagOf(at) === "details" && !at.open && at !== el && !chain.some(([one]) => tagOf(one) === "summary" && parentOf.call(one) === at)) return { why: "display", by: at };
    if (style.visibility !== "visible") invisible = at;
    if (invisible && (style.visibility === "visible" || !up(at))) return { why: "visibility", by: invisible };
    if (style.contentVisibility === "hidden" && at !== el) return { why: "display", by: at };
    if (parseFloat(style.opacity) < 0.1 || /opacity\(0(\.0\d*)?%?\)/.test(style.filter)) return { why: "opacity", by: at };
    if (!noClip(style)) return { why: "clipped", by: at };
    if (at !== el && /hidden|clip/.test(style.overflowX + style.overflowY) && style.display !== "inline") {
      const box = rectOf(at);
      if (box.width <= 1 || box.height <= 1) return { why: "clipped", by: at };
    }
  }
  const box = rectOf(el);
  if (box.width <= 1 || box.height <= 1) return { why: "size", by: el };
  const away = (r) => r.right + scrollX <= 0 || r.bottom + scrollY <= 0 || r.left + scrollX >= Math.max(document.documentElement.scrollWidth, innerWidth) + 1;
  const highest = (gone) => {
    let by = el;
    for (const [at] of chain.slice(1)) {
      const r = rectOf(at);
      if (at === document.body || at === document.documentElement || (r.width > 0 && r.height > 0 && !gone(r))) break;
      by = at;
    }
    return by;
  };
  if (away(box)) return { why: "offscreen", by: highest(away) };
  let fixed = chain[0][1].position === "absolute";
  for (const [at, style] of chain.slice(1)) {
    if (at === document.body || at === document.documentElement) break;
    const cuts = /hidden|clip/.test(style.overflowX + style.overflowY) && style.display !== "inline";
    if (cuts && !(fixed && style.position === "static")) {
      const frame = rectOf(at);
      const outside = (r) => r.right <= frame.left + 1 || r.left >= frame.right - 1 || r.bottom <= frame.top + 1 || (r.top >= frame.bottom - 1 && style.overflowY !== "auto");
      if (outside(box)) return { why: "clipped", by: highest((r) => outside(r)) };
    }
    if (style.position === "absolute") fixed = true;
    else if (style.position !== "static") fixed = false;
    if (style.position === "fixed") break;
  }
  if (closest(el, '[aria-hidden="true"]') && attr(el, "tabindex") === "-1") return { why: "aria_hidden", by: closest(el, '[aria-hidden="true"]') };
  if (closest(el, "[inert]")) return { why: "aria_hidden", by: closest(el, "[inert]") };
  return { why: "", by: null };
};

const STEP = /(^|[\s_-])(step|steps|slide|wizard|page|panel|pane|tab|tabs|tabpanel|section|screen|stage)([\s_-]?\d+)?($|[\s_-])|tabpanel|wizard/i;
const FOLD = /accordion|collaps|modal|dialog|popup|lightbox|drawer|offcanvas|off-canvas|overlay|toggle|expand/i;
// A hidden control is hidden by itself, or with a step, a dialog, a tab that will be opened: only then is it a real one waiting.
const reasonOf = (el, mates) => {
  const { why, by } = sight(el);
  if (!why || why === "type") return why;
  if (by === el) return why;
  const named = attr(by, "class") + " " + attr(by, "id") + " " + attr(by, "role") + " " + tagOf(by);
  const groups = new Set(), inside = new Set();
  let buttons = 0;
  for (const one of mates) {
    const name = isButton(one) ? "" : CHOICE(one) && attr(one, "name") ? "c:" + attr(one, "name") : one;
    const held = holds(by, one);
    if (isFillable(one)) {
      groups.add(name);
      if (held) inside.add(name);
    } else if (held && isButton(one)) buttons++;
  }
  const whole = inside.size === groups.size && (groups.size > 1 || buttons > 0 || !mates.some((one) => holds(one, by)));
  if (whole) return "collapsed";
  if (why === "offscreen" || why === "aria_hidden" || why === "opacity") return buttons && inside.size > 1 ? "later_step" : why;
  if (FOLD.test(named) && (inside.size > 1 || buttons)) return "collapsed";
  if (is(by, "details,dialog")) return "collapsed";
  if (inside.size > 1 || (buttons && inside.size)) return "later_step";
  return STEP.test(named) && is(by, '[role="tabpanel"],fieldset,section') ? "later_step" : why;
};

// What a person would act on instead of a hidden control: its label, or the widget that stands for it.
const LISTS =
  '[role="combobox"],[role="listbox"],[aria-haspopup="listbox"],.select2-container,.select2-selection,.chosen-container,.selectize-control,.choices,.nice-select,.bootstrap-select,.ts-wrapper,.ss-main,.selectric,.custom-select,.dropdown-toggle,[class*="select-styled"],[class*="dropdown"],[class*="select"]';
const proxyOf = (el, wrapper, labels) => {
  const { why, by } = sight(el);
  if (!why || why === "type") return null;
  if (CHOICE(el)) {
    const role = closest(el, '[role="checkbox"],[role="radio"],[role="switch"]');
    if (role && role !== el && shown(role)) return role;
    const label = labels.find((one) => shown(one));
    if (label || why === "display" || by !== el) return label || null;
    const drawn = [el.nextElementSibling, el.previousElementSibling].find((one) => one && is(one, "span,i,div,label,svg") && !holdsControl(one) && shown(one));
    return drawn && rectOf(drawn).height <= 60 ? drawn : null;
  }
  if (tagOf(el) === "select" || is(el, '[class*="select"],[role="combobox"]')) {
    const near = wrapper || parentOf.call(el);
    const stands = near ? [...query(near, LISTS)].find((one) => one !== el && !holds(one, el) && tagOf(one) !== "label" && tagOf(one) !== "option" && shown(one)) : null;
    if (stands) return stands;
  }
  const near = parentOf.call(el);
  if (why === "opacity" && by === el && labels.some((one) => shown(one))) return near instanceof Element && shown(near) ? near : labels.find((one) => shown(one));
  return null;
};
