// Rebound in the browser: what HTML and htmx do not do by themselves. Every page works without it.
// The only place where htmx event names appear. Shortcuts: js/keys.js (an import would lose its version).

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, listener, options) => document.addEventListener(type, listener, options);
const number = new Intl.NumberFormat("en");
const grouped = (value) => number.format(value).replaceAll(",", "\u202f");

function announce(text) {
  const region = $("#announce");
  if (region && text && region.textContent !== text) region.textContent = text;
}

function glyph(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const use = document.createElementNS(ns, "use");
  for (const [key, value] of [["class", "icon"], ["width", 16], ["height", 16], ["aria-hidden", true]]) svg.setAttribute(key, value);
  use.setAttribute("href", `${$('meta[name="icons"]')?.content ?? ""}#${name}`);
  svg.append(use);
  return svg;
}

// --- toasts: three at most, resting while pointed at, staying while there is something to do ---------

const TOAST_MS = 6000;

function toast(text, tone = "ok") {
  const box = $("#toasts");
  if (!box) return;
  const item = document.createElement("div");
  item.className = `toast tone-${tone}`;
  if (tone === "bad") item.dataset.stay = "";
  const words = document.createElement("p");
  words.className = "toast-text";
  words.textContent = text;
  const close = document.createElement("button");
  close.className = "btn btn-icon btn-ghost btn-tiny";
  close.type = "button";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(glyph("x"));
  item.append(glyph(tone === "bad" ? "circle-alert" : "circle-check"), words, close);
  box.append(item);
}

function armToast(item) {
  let timer;
  const start = () => {
    clearTimeout(timer);
    if (!("stay" in item.dataset)) timer = setTimeout(() => item.remove(), TOAST_MS);
  };
  for (const type of ["pointerenter", "focusin"]) item.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) item.addEventListener(type, start);
  start();
}

function trimToasts(box) {
  const items = $$(".toast", box);
  while (items.length > 3) {
    const brief = items.findIndex((item) => !("stay" in item.dataset));
    items.splice(Math.max(brief, 0), 1)[0].remove();
  }
}

const toasts = $("#toasts");
if (toasts) {
  $$(".toast", toasts).forEach(armToast);
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) if (node.matches?.(".toast")) armToast(node);
    trimToasts(toasts);
  }).observe(toasts, { childList: true });
}

// --- requests: polls that rest, buttons that press once, failures that say so -----------------------

const QUIET_MS = 30 * 60 * 1000;
let lastActive = Date.now();
let lostSince = 0;
let waitMs = 0;
let nextTry = 0;

const isPoll = (element) => element.matches?.("[data-poll]");

function lost() {
  lostSince ||= Date.now();
  waitMs = Math.min(waitMs ? waitMs * 2 : 2000, 60000);
  nextTry = Date.now() + waitMs;
  const banner = $("#offline");
  if (banner) banner.hidden = false;
}

function found() {
  if (!lostSince) return;
  lostSince = waitMs = nextTry = 0;
  const banner = $("#offline");
  if (banner) banner.hidden = true;
  announce("Connected again");
}

function active() {
  if (Date.now() - lastActive > QUIET_MS) $$("[data-poll-refresh]").forEach((link) => (link.hidden = true));
  lastActive = Date.now();
}
for (const type of ["pointerdown", "keydown", "wheel"]) on(type, active, { passive: true });
on("visibilitychange", () => !document.hidden && active());
addEventListener("online", () => (nextTry = waitMs = 0));
addEventListener("offline", lost);

function pollMayGo(element) {
  if (document.hidden || Date.now() < nextTry) return false;
  if ($(".htmx-request, :popover-open", element)) return false;
  if (Date.now() - lastActive < QUIET_MS) return true;
  $$("[data-poll-refresh]", element).forEach((link) => (link.hidden = false));
  return false;
}

function press(button) {
  if (!button?.matches?.("button[data-pending]") || button.disabled) return;
  const text = $(".btn-text", button);
  button.disabled = true;
  if (text && button.dataset.pending) {
    button.dataset.label = text.textContent;
    text.textContent = button.dataset.pending;
  }
}

function release(button) {
  if (!button?.disabled || !button.matches("button[data-pending]")) return;
  button.disabled = false;
  if ("label" in button.dataset) $(".btn-text", button).textContent = button.dataset.label;
  delete button.dataset.label;
}

on("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-clear-storage]")) {
    sessionStorage.clear();
    localStorage.clear();
  }
  if (form.method === "dialog" || form.hasAttribute("hx-post")) return;
  if (form.method === "get") {
    // Empty filters would only make the address long.
    const empty = $$("input[name], select[name]", form).filter((control) => !control.disabled && control.value === "");
    empty.forEach((control) => (control.disabled = true));
    setTimeout(() => empty.forEach((control) => (control.disabled = false)));
    return;
  }
  if (event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  const button = event.submitter;
  // After the browser has read the form: a disabled button would lose its name and value.
  setTimeout(() => press(button));
  setTimeout(() => reopen(form, button), 15000);
});

function reopen(form, button) {
  delete form.dataset.sent;
  release(button);
}
addEventListener("pageshow", (event) => {
  if (event.persisted) $$("form[data-sent]").forEach((form) => $$("button", form).forEach((button) => reopen(form, button)));
});

const pressed = new WeakMap();
const held = new WeakMap();

on("htmx:configRequest", (event) => {
  const { verb, formData, elt } = event.detail;
  if (verb !== "get" || !formData) return;
  const draft = elt.matches("[data-live]") && $("form[data-draft]");
  if (draft && $$("textarea, input[name=subject]", draft).some((field) => field.value.trim())) {
    formData.set("writing", "1"); // that there are words, never the words
    formData.set("method", draft.elements.method?.value ?? "");
  }
  for (const key of new Set(formData.keys())) if (formData.getAll(key).every((value) => value === "")) formData.delete(key);
});

on("htmx:beforeRequest", (event) => {
  const { elt, target, requestConfig, xhr } = event.detail;
  if (isPoll(elt)) {
    if (!pollMayGo(elt)) event.preventDefault();
    return;
  }
  target?.setAttribute("aria-busy", "true");
  // Read before the button is disabled, which takes the focus away.
  held.set(xhr, placeOf(document.activeElement, target));
  const button = requestConfig.triggeringEvent?.submitter;
  if (button) {
    pressed.set(xhr, button);
    press(button);
  }
});

on("htmx:afterRequest", (event) => {
  const { target, xhr } = event.detail;
  const button = pressed.get(xhr);
  release(button);
  if (button?.isConnected && document.activeElement === document.body) button.focus({ preventScroll: true });
  if (!isPoll(event.detail.elt)) target?.removeAttribute("aria-busy");
  if (xhr.status) found();
});

on("htmx:sendError", (event) => {
  lost();
  if (!isPoll(event.detail.elt)) toast("Not sent: there is no connection. Nothing was changed, press again in a moment.", "bad");
});
on("htmx:timeout", lost);

on("htmx:responseError", (event) => {
  const { xhr, elt } = event.detail;
  if (isPoll(elt)) {
    nextTry = Date.now() + (waitMs = Math.min(waitMs ? waitMs * 2 : 4000, 60000));
    if (xhr.status >= 500) return;
  }
  const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
  const part = (id) => page.getElementById(id)?.textContent.trim();
  const words = [part("error-title") ?? `The server answered ${xhr.status}.`, part("error-text")].filter(Boolean).join(". ");
  toast((words + (part("error-ref") ? ` Reference ${part("error-ref")}` : "")).replace(/([.!?])\./g, "$1"), "bad");
});

// --- after a swap: focus, title, spoken count -------------------------------------------------------

let before = null;
const rowLink = (row) => $("th a[href]", row) ?? $("a[href], button, input", row);

function placeOf(element, target) {
  if (!target || element === document.body || !target.contains(element)) return null;
  const row = element.closest("[data-row]");
  return { id: element.id, region: target.getAttribute("id"), next: row?.nextElementSibling?.id, previous: row?.previousElementSibling?.id };
}

on("htmx:beforeSwap", (event) => {
  const { target, xhr, shouldSwap } = event.detail;
  before = shouldSwap ? (placeOf(document.activeElement, target) ?? (document.activeElement === document.body ? held.get(xhr) : null)) : null;
});

on("htmx:afterSettle", (event) => {
  const { target } = event.detail;
  const region = target?.isConnected ? target : document.getElementById(target?.getAttribute("id") ?? "");
  if (region) {
    announce($("[data-announce]", region)?.textContent.trim().replace(/\s+/g, " "));
    const failed = Boolean($(".error-summary", region));
    if (failed !== document.title.startsWith("Error: ") && (failed || region.matches("form, :has(form)")))
      document.title = failed ? `Error: ${document.title}` : document.title.replace(/^Error: /, "");
  }
  if (before && document.activeElement === document.body) {
    const byId = (id) => (id ? document.getElementById(id) : null);
    const row = byId(before.next) ?? byId(before.previous);
    const around = byId(before.region);
    const successor = around && ($(around.matches(".inline-edit") ? ".inline-open" : "h1, h2, h3", around) ?? around);
    const place = byId(before.id) ?? (row && rowLink(row)) ?? successor ?? $("#main");
    if (!place.matches("a[href], button, input, select, textarea, summary")) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  }
  before = null;
  refresh();
});

// --- rows: checkboxes and the bulk bar --------------------------------------------------------------

let lastCheck = null;

function countRows(list) {
  const bar = $("[data-bulk]", list);
  const boxes = $$(".row-check", list);
  const chosen = boxes.filter((box) => box.checked).length;
  const header = $("[data-check-all]", list);
  if (header) {
    header.checked = chosen > 0 && chosen === boxes.length;
    header.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  if (!bar) return;
  const { total, noun, plural } = bar.dataset;
  const everything = bar.elements.scope.value === "all";
  const many = everything ? Number(total) : chosen;
  const words = `${grouped(many)} ${many === 1 ? noun : plural}`;
  const line = $("[data-bulk-count]", bar);
  const said = chosen ? `${everything ? "All " : ""}${words} selected` : "";
  if (line.textContent !== said) line.textContent = said;
  const offer = $("[data-bulk-all]", bar);
  if (offer) offer.hidden = everything || chosen < boxes.length || Number(total) <= boxes.length;
  for (const button of $$("[data-count-label]", bar)) $(".btn-text", button).textContent = button.dataset.countLabel.replace("{n}", words);
}

on("click", (event) => {
  const box = event.target.closest(".row-check");
  if (!box) return;
  const boxes = $$(".row-check", box.closest(".list"));
  if (event.shiftKey && lastCheck && boxes.includes(lastCheck)) {
    const [from, to] = [boxes.indexOf(lastCheck), boxes.indexOf(box)].sort((a, b) => a - b);
    boxes.slice(from, to + 1).forEach((each) => (each.checked = box.checked));
  }
  lastCheck = box;
});

on("change", (event) => {
  const list = event.target.closest(".list");
  if (!list || !event.target.matches(".row-check, [data-check-all]")) return;
  if (event.target.matches("[data-check-all]")) $$(".row-check", list).forEach((box) => (box.checked = event.target.checked));
  const bar = $("[data-bulk]", list);
  if (bar) bar.elements.scope.value = "selected";
  countRows(list);
});

on("reset", (event) => {
  if (!event.target.matches("[data-bulk]")) return;
  setTimeout(() => {
    event.target.elements.scope.value = "selected";
    countRows(event.target.closest(".list"));
  });
});

// --- clicks: dialogs, menus, copying ----------------------------------------------------------------

function openDialog(dialog) {
  const form = $("form[data-typed]", dialog);
  if (form) checkTyped(form);
  if (!dialog.open) dialog.showModal();
}

function checkTyped(form) {
  const bare = (text) => text.replace(/[\s,.\u202f]/g, "").toLowerCase();
  const right = bare($("[name=confirm_typed]", form).value) === bare(form.dataset.typed);
  $("button[type=submit]", form).disabled = !right;
}
on("input", (event) => event.target.name === "confirm_typed" && checkTyped(event.target.form));

async function copyText(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http has no clipboard: the old way still works there.
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "sr-only" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const icon = $(".icon", button);
  icon?.replaceWith(glyph("check"));
  button.classList.add("is-copied");
  announce(`Copied ${text}`);
  setTimeout(() => {
    if (icon) $(".icon", button)?.replaceWith(icon);
    button.classList.remove("is-copied");
  }, 1500);
}

on("click", (event) => {
  const hit = (selector) => event.target.closest(selector);
  const opener = hit("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    openDialog(dialog);
  } else if (hit("[data-dialog-close]")) hit("dialog")?.close();
  else if (hit("[data-toast-close]")) hit(".toast").remove();
  else if (hit("[data-copy]")) copyText(hit("[data-copy]"));
  else if (hit("[data-bulk-all]")) {
    const bar = hit("[data-bulk]");
    bar.elements.scope.value = "all";
    countRows(bar.closest(".list"));
    $("[data-bulk-clear]", bar).focus();
  } else if (event.target.matches("dialog[open]") && !("closedBy" in HTMLDialogElement.prototype)) event.target.close();
});

// Where CSS cannot tie a menu to its button yet, it is put there by hand.
on("toggle", (event) => {
  const menu = event.target;
  if (event.newState !== "open" || !menu.matches?.(".menu") || CSS.supports("position-area: block-end")) return;
  const from = $(`[popovertarget="${CSS.escape(menu.id)}"]`).getBoundingClientRect();
  const { offsetWidth: wide, offsetHeight: tall } = menu;
  const left = menu.matches(".menu-start, .menu-up") ? from.left : from.right - wide;
  const below = from.bottom + tall + 8 < innerHeight && !menu.matches(".menu-up");
  Object.assign(menu.style, {
    position: "fixed",
    left: `${Math.max(8, Math.min(left, innerWidth - wide - 8))}px`,
    top: `${below ? from.bottom : Math.max(8, from.top - tall - 8)}px`,
  });
}, true);

// --- start ------------------------------------------------------------------------------------------

function refresh() {
  $$(".list").forEach(countRows);
  $$("dialog[data-open-now]:not([open])").forEach(openDialog);
  $$("form[data-typed]").forEach(checkTyped);
  for (const box of $$(".table-wrap, .chart-scroll")) {
    // What scrolls sideways must be reachable by key; what does not is no stop on the way.
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
refresh();
