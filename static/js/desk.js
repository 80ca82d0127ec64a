// The desk: a lead that has just come takes no press that was meant for the one before, and typed notes outlive the page.

const SETTLING = 600; // milliseconds
const DRAFT = "rebound-desk-notes";
const $ = (selector) => document.querySelector(selector);
const token = () => $("#desk-result [name=token]")?.value ?? "";
let shown = token();
let timer;

function settle() {
  const desk = $("#desk");
  desk.dataset.settling = "";
  clearTimeout(timer);
  timer = setTimeout(() => delete $("#desk").dataset.settling, SETTLING);
  $("#desk-call")?.focus({ preventScroll: true });
}

function draft() {
  try {
    return JSON.parse(localStorage.getItem(DRAFT) ?? "{}");
  } catch {
    return {};
  }
}

function restore() {
  const kept = draft();
  const box = $("#desk-result textarea");
  if (kept.token !== token()) localStorage.removeItem(DRAFT);
  else if (box && !box.value) box.value = kept.notes;
}

for (const kind of ["mousedown", "click", "submit"])
  document.addEventListener(kind, (event) => {
    if (!event.target.closest?.("#desk[data-settling]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

document.addEventListener("input", (event) => {
  if (event.target.matches("#desk-result textarea")) localStorage.setItem(DRAFT, JSON.stringify({ token: token(), notes: event.target.value }));
});

document.addEventListener("htmx:afterSettle", () => {
  const before = shown;
  shown = token();
  if (before && shown && before !== shown) settle();
  restore();
});

restore();
