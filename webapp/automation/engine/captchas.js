// Captchas that a visitor sees in this frame, as facts: what kind, where, whether it asks for something. Nothing is touched.
// `form` is the chosen form's element or null, `mine` whether this frame holds that form; `words` is captchas.json.
({form, words}) => {
  const found = [];
  const roots = [document];
  for (let at = 0; at < roots.length && at < 60; at++) for (const el of roots[at].querySelectorAll("*")) if (el.shadowRoot) roots.push(el.shadowRoot);
  const query = (css) => roots.flatMap((root) => [...root.querySelectorAll(css)]);
  const parent = (el) => el.parentElement || (el.getRootNode() instanceof ShadowRoot ? el.getRootNode().host : null);
  const visible = (el, least) => {
    const r = el.getBoundingClientRect();
    return r.width >= least && r.height >= least && r.right + scrollX > 0 && r.bottom + scrollY > 0 && el.checkVisibility({visibilityProperty: true, opacityProperty: true});
  };
  const formOf = (el) => { for (let at = el; at; at = parent(at)) if (at.tagName === "FORM") return at; return null; };
  const inside = (el) => { for (let at = el; at; at = parent(at)) if (at === form) return true; return false; };
  // In the chosen form, in no form at all, or in another one.
  const place = (el) => (form && inside(el)) ? "form" : formOf(el) ? "other" : "page";
  const tidy = (text) => (text || "").replace(/\s+/g, " ").trim();
  const add = (kind, vendor, el, active, said) => {
    const r = el.getBoundingClientRect();
    found.push({kind, vendor, active, place: place(el), said: tidy(said).slice(0, 200), box: [r.left + scrollX, r.top + scrollY, r.width, r.height]});
  };
  const answered = (one, el) => {
    if (!one.answer) return false;
    const holder = el.querySelector(one.answer) || (formOf(el) || document).querySelector(one.answer);
    return !!holder && !!holder.value && !(one.unanswered && new RegExp(one.unanswered).test(holder.value));
  };
  const framed = [];
  for (const el of query("iframe")) {
    const one = words.frames.find((rule) => new RegExp(rule.match, "i").test(el.src));
    if (!one) continue;
    framed.push(el);
    if (one.idle && new RegExp(one.idle, "i").test(el.src)) add("badge", one.vendor, el, false, "");
    else if (one.part === "challenge") add("challenge", one.vendor, el, visible(el, 40), "");
    else add("box", one.vendor, el, visible(el, 20) && !answered(one, el), "");
  }
  for (const one of words.marks) for (const el of query(one.css)) {
    if (framed.some((frame) => el.contains(frame))) continue;
    add("box", one.vendor, el, visible(el, 20) && !answered(one, el), "");
  }
  const said = (el) => {
    const ids = tidy(el.getAttribute("aria-labelledby") + " " + el.getAttribute("aria-describedby")).split(" ");
    const texts = [...(el.labels || [])].map((one) => one.innerText);
    for (const id of ids) { const one = id && el.getRootNode().getElementById(id); if (one) texts.push(one.innerText); }
    texts.push(el.getAttribute("aria-label"), el.placeholder, el.title);
    for (let at = el, step = 0; at && step < 3; at = parent(at), step++) {
      if (step && [...at.querySelectorAll("input:not([type=hidden]),textarea,select")].filter((one) => visible(one, 4)).length > 1) break;
      if (at.previousElementSibling && !at.previousElementSibling.querySelector("input,textarea,select") && !at.previousElementSibling.matches("input,textarea,select")) texts.push(at.previousElementSibling.innerText);
      if (step) texts.push(at.innerText);
      else if (el.previousSibling && el.previousSibling.nodeType === 3) texts.push(el.previousSibling.textContent);
    }
    return [...new Set(texts.map(tidy).filter(Boolean))].join(" | ").slice(0, 600);
  };
  const near = (el) => {
    for (let at = parent(el), step = 0; at && step < 3; at = parent(at), step++) {
      if ([...at.querySelectorAll("input:not([type=hidden]),textarea,select")].filter((one) => visible(one, 4)).length > 1) return null;
      const picture = [...at.querySelectorAll("img,canvas,svg")].find((one) => visible(one, 30));
      if (picture) return picture;
    }
    return null;
  };
  const test = (name, text) => new RegExp(words[name], "i").test(text);
  for (const el of query("input,textarea")) {
    const type = (el.type || "text").toLowerCase();
    if (!visible(el, 4) && type !== "checkbox") continue;
    const own = [el.name, el.id, el.className].join(" "), text = said(el);
    if (type === "checkbox") {
      const shown = visible(el, 4) || [...(el.labels || [])].some((one) => visible(one, 4));
      if (shown && test("boxes", text)) add("robot box", "", el, true, text);
    } else if (["text", "number", "tel", "search"].includes(type) && el.tagName === "INPUT") {
      const picture = near(el);
      const drawn = picture && (test("pictures", [picture.src, picture.className, picture.id, picture.alt].join(" ")) || test("answers", text) || /captcha/i.test(own));
      if (drawn) add("picture", "", el, true, text);
      else if (test("sums", text)) add("sum", "", el, true, text);
      else if (test("quizzes", text) || /\b(wpcf7-quiz|quiz[-_]?(answer|captcha))\b/i.test(own)) add("quiz", "", el, true, text);
      else if (test("answers", text) && /captcha|capcha/i.test(own + " " + text)) add("text", "", el, true, text);
    }
  }
  for (const el of query(words.slider.css)) {
    if (!visible(el, 10) || framed.some((frame) => el.contains(frame))) continue;
    const holder = el.matches("[role=slider],input") ? parent(el) || el : el;
    const names = [el.className.baseVal ?? el.className, el.id, holder.className.baseVal ?? holder.className, holder.id].join(" ");
    const text = [tidy(holder.innerText).slice(0, 300), el.getAttribute("aria-label"), el.title].join(" ");
    if (text.length < 300 && (new RegExp(words.slider.words, "i").test(text) || (new RegExp(words.slider.named, "i").test(names) && /captcha/i.test(names + text)))) {
      add("slider", "", el, true, text);
      break;
    }
  }
  return found;
}
