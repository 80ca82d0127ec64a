// Shortcuts: [data-key] on any link, button or input; j k x e Enter on rows; ? for help.
// They rest while one types, in dialogs and menus, with modifier keys, and with <body data-shortcuts="off">.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const TYPING = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=button], [type=submit])";
const FIXED = [["j", "Next row"], ["k", "Previous row"], ["x", "Select the row"], ["Enter", "Open the row"], ["e", "Edit"], ["Esc", "Close or cancel"], ["?", "This help"]];
let prefix = "";
let prefixTimer;
let currentRow = null;

const rowLink = (row) => $("th a[href]", row) ?? $("a[href], button, input", row);
const shown = (element) => element.checkVisibility() && !element.disabled;
const keyed = () => $$("[data-key]").filter(shown);

function findKey(keys) {
  const same = keyed().filter((element) => element.dataset.key === keys);
  const row = document.activeElement?.closest("[data-row]");
  return same.find((element) => row?.contains(element)) ?? same.find((element) => !("keyFallback" in element.dataset) && !element.closest("[data-row]")) ?? same[0];
}

function use(element) {
  if (element.matches(TYPING)) {
    element.focus();
    element.select?.();
  } else element.click();
}

function moveRow(step) {
  const rows = $$("[data-row]").filter(shown);
  const here = document.activeElement?.closest("[data-row]") ?? (currentRow && document.getElementById(currentRow));
  const at = rows.indexOf(here);
  const row = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))];
  if (!row) return false;
  currentRow = row.id;
  rowLink(row)?.focus();
  row.scrollIntoView({ block: "nearest" });
  return true;
}

function nameOf(element) {
  const given = element.dataset.keyLabel ?? element.getAttribute("aria-label");
  const texts = [...element.childNodes].filter((node) => !node.matches?.(".keys, .icon, .outcome-effect"));
  return given ?? texts.map((node) => node.textContent).join(" ").trim();
}

function showKeys() {
  const box = $("#help-keys-list");
  if (!box) return;
  const named = keyed().map((element) => [element.dataset.key, nameOf(element)]);
  const seen = new Set();
  const rows = [...named.filter(([keys]) => !keys.startsWith("g ")), ...FIXED, ...named.filter(([keys]) => keys.startsWith("g "))];
  box.replaceChildren(...rows.filter(([keys]) => !seen.has(keys) && seen.add(keys)).map(([keys, label]) => {
    const line = document.createElement("div");
    const name = document.createElement("span");
    const hint = document.createElement("span");
    name.textContent = label;
    hint.className = "keys";
    hint.append(...keys.split(" ").map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
    line.append(name, hint);
    return line;
  }));
  $("#help-keys").showModal();
}

function pressKey(key, row) {
  if (key === "j" || key === "k") return moveRow(key === "j" ? 1 : -1);
  if (key === "x" && row) return $(".row-check", row)?.click() ?? true;
  if (key === "e") return ($("[data-edit]", row ?? document) ?? $("[data-edit]"))?.click() ?? false;
  if (key === "Enter" && row && document.activeElement === document.body) return rowLink(row)?.click() ?? true;
  if (key === "Escape") return $("[data-cancel]")?.click() ?? false;
  if (key === "?") return showKeys() ?? true;
  return false;
}

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if ((event.ctrlKey || event.metaKey) && key === "Enter" && target.matches("textarea") && target.form) return target.form.requestSubmit();
  if (event.repeat && key === "Enter" && target.matches("button")) return event.preventDefault();
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (key === "Escape" && target.closest(".inline-editing")) return $("[data-cancel]", target.closest(".inline-editing"))?.click();
  if (key === "Escape" && target.matches(TYPING) && target.matches("[data-key]")) return target.blur();
  if (document.body.dataset.shortcuts === "off" || target.matches(TYPING) || $("dialog[open], .menu:popover-open")) return;
  const keys = prefix ? `${prefix} ${key}` : key;
  clearTimeout(prefixTimer);
  prefix = "";
  const element = findKey(keys);
  if (element) {
    event.preventDefault();
    return event.repeat || use(element); // a key that is held presses once
  }
  if (keyed().some((each) => each.dataset.key.startsWith(`${key} `))) {
    prefix = key;
    prefixTimer = setTimeout(() => (prefix = ""), 1200);
    return;
  }
  const row = target.closest("[data-row]") ?? (currentRow && document.getElementById(currentRow));
  if (pressKey(key, row) !== false && "jkxe?".includes(key)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-help]") || event.ctrlKey || event.metaKey || !$("#help-keys")) return;
  event.preventDefault();
  $$(".menu:popover-open").forEach((open) => open.hidePopover());
  showKeys();
});
