// What one frame shows at this moment, as facts: its lines of text, what is marked wrong, what form builders say, whether our words stand
// in its boxes. `ours` are the values that we typed. Nothing is touched. Stands behind tree.js, whose ways through shadow roots it uses.
const ERROR = /(^|[\s_-])(error|errors|invalid|danger|fail|failed|failure|wrong|warning|alert-warning|is-invalid|has-error|validation)([\s_-]|$)|errmsg|error-?m(e?s)sa?ge|validation[_-]?(error|message)/i;
const GOOD = /(^|[\s_-])(success|successful|thanks|thank-?you|confirmation|confirmed|sent-?ok|done)([\s_-]|$)/i;
const LIVE = '[role="alert"],[role="status"],[role="alertdialog"],[role="log"],[aria-live="polite"],[aria-live="assertive"],output';
const MUTE = new Set(["script", "style", "noscript", "template", "option", "textarea", "title", "select", "head", "svg", "iframe", "object", "datalist"]);
const BUILDERS = [
  ["Gravity Forms", true, ".gform_confirmation_message, .gform_confirmation_wrapper"],
  ["Gravity Forms", false, ".gform_validation_errors, .gform_validation_error .validation_message, .gform_wrapper .validation_error"],
  ["WPForms", true, ".wpforms-confirmation-container, .wpforms-confirmation-container-full, .wpforms-confirmation-scroll"],
  ["WPForms", false, ".wpforms-error-container, .wpforms-error-container-full, label.wpforms-error, em.wpforms-error"],
  ["Elementor", true, ".elementor-message-success"],
  ["Elementor", false, ".elementor-message-danger, .elementor-error .elementor-message"],
  ["Formidable Forms", true, ".frm_forms .frm_message, .frm_message[role=status]"],
  ["Formidable Forms", false, ".frm_error_style, .frm_forms .frm_error"],
  ["Ninja Forms", true, ".nf-response-msg"],
  ["Ninja Forms", false, ".nf-error-msg, .nf-form-errors .nf-error-field-errors"],
  ["HubSpot", true, ".submitted-message, .hs-form__thank-you, .hsfc-PostSubmit"],
  ["HubSpot", false, ".hs-error-msgs, .hs-main-font-element.hs-error-msg, .hsfc-ErrorAlert"],
  ["Webflow", true, ".w-form-done"],
  ["Webflow", false, ".w-form-fail"],
  ["Divi", true, ".et_pb_contact_form_success, .et-pb-contact-message.success"],
  ["Jetpack", true, ".contact-form-submission"],
  ["Fluent Forms", true, ".ff-message-success"],
  ["Fluent Forms", false, ".ff-errors-in-stack .error, .ff-el-is-error .error"],
];
// Contact Form 7's eleven states: only "sent" is success; "failed" came in, but no mail went out.
const CF7 = { sent: true, failed: false, spam: false, invalid: false, unaccepted: false, aborted: false };
const shownNow = (el) => {
  const box = rectOf(el);
  return box.width > 1 && box.height > 1 && el.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: false });
};
const blockOf = (node) => {
  for (let at = up(node); at; at = up(at)) {
    const display = getComputedStyle(at).display;
    if (!display.startsWith("inline") && display !== "contents" && display !== "ruby") return at;
  }
  return document.documentElement;
};
const toneOf = (el) => {
  for (let at = el, level = 0; at && level < 4 && at !== document.body; at = up(at), level++) {
    if (tagOf(at) === "form") break;
    const named = attr(at, "class") + " " + attr(at, "id");
    if (ERROR.test(named)) return "error";
    if (GOOD.test(named)) return "good";
  }
  return "";
};
const linesOf = (most) => {
  const blocks = new Map();
  const visit = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
      node.nodeType === 1 && MUTE.has(node.localName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
    );
    for (let node = walker.nextNode(); node && blocks.size < most; node = walker.nextNode()) {
      if (node.nodeType === 1) {
        const inner = hidden(node);
        if (inner) visit(inner);
        continue;
      }
      if (!node.nodeValue.trim()) continue;
      const block = blockOf(node);
      const line = blocks.get(block) || { text: "", seen: false };
      const parent = up(node) || block;
      if (shownNow(parent)) line.seen = true;
      line.text += " " + node.nodeValue;
      blocks.set(block, line);
    }
  };
  visit(document.body || document.documentElement);
  return [...blocks].map(([el, line]) => [cut(tidy(line.text), 400), line.seen, line.seen && !!closest(el, LIVE), line.seen ? toneOf(el) : "", line.seen && !!closest(el, "form")]);
};
const machineOf = () => {
  const found = [];
  everything(document, (el) => {
    const state = attr(el, "data-status") || (/(^|\s)wpcf7-form(\s|$)/.test(attr(el, "class")) ? attr(el, "class").split(/\s+/).find((one) => one in CF7) : "");
    if (/(^|\s)wpcf7-form(\s|$)/.test(attr(el, "class")) && state) {
      const said = el.querySelector(".wpcf7-response-output");
      if (state in CF7) found.push(["Contact Form 7", CF7[state], state, said ? cut(tidy(said.textContent), 300) : ""]);
      else if (!/^(init|submitting|resetting)$/.test(state)) found.push(["Contact Form 7", null, state, said ? cut(tidy(said.textContent), 300) : ""]);
    }
  });
  const roots = [document];
  everything(document, (el) => { const inner = hidden(el); if (inner) roots.push(inner); });
  for (const [name, good, css] of BUILDERS)
    for (const root of roots)
      for (const el of query(root, css)) if (shownNow(el) && tidy(el.textContent)) found.push([name, good, el.classList[0] || "", cut(tidy(el.textContent), 300)]);
  return found;
};
const nameOf = (el) => tidy(((el.labels && el.labels[0]) || { textContent: "" }).textContent) || attr(el, "aria-label") || attr(el, "name") || tagOf(el);
const look = (ours, form) => {
  const wrong = [], native = [], boxes = [];
  everything(document, (el) => {
    if (attr(el, "aria-invalid") === "true") wrong.push(cut(nameOf(el), 80));
    if (/^(input|textarea)$/.test(tagOf(el)) && !/^(hidden|submit|button|checkbox|radio|file|password)$/.test(el.type) && shownNow(el)) boxes.push(el.value.replace(/\s+/g, " ").trim());
  });
  if (form && form.isConnected && tagOf(form) === "form" && !form.noValidate)
    for (const el of form.elements) if (el.willValidate && !el.validity.valid) native.push(cut(nameOf(el) + ": " + el.validationMessage, 160));
  return {
    url: location.href, lines: linesOf(3000), wrong, native, machine: machineOf(), held: boxes.filter((value) => value && ours.includes(value)).length,
    boxes: boxes.length, form: !!(form && form.isConnected && shownNow(form)),
  };
};
