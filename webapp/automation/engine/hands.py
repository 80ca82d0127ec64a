"""One live control in hand: found, brought into view, read, typed into; found anew when the site has drawn it anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from playwright.sync_api import ElementHandle, Error, Frame, Page

from webapp.automation.engine import read
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.options import tight
from webapp.automation.engine.outcome import Enquiry, Limits
from webapp.automation.engine.seen import Control, FormSeen, Kind, Option
from webapp.automation.engine.values import same_phone

T = TypeVar("T")
PHONES = {Kind.PHONE, Kind.PHONE_AREA, Kind.PHONE_PREFIX, Kind.PHONE_LINE}
SOURCES = ("label", "aria", "over", "placeholder", "heading", "before", "title", "after")
GONE = re.compile(
    r"not attached|detached|Execution context was destroyed|Cannot find context|JSHandle is disposed", re.I
)
_STATE = """el => !el.isConnected ? null : ({
  value: 'value' in el && el.tagName !== 'BUTTON' && el.tagName !== 'LI' ? String(el.value) : el.innerText || '',
  checked: el.checked === true || el.getAttribute('aria-checked') === 'true',
  locked: el.matches(':disabled') || el.readOnly === true || el.getAttribute('aria-disabled') === 'true'
    || el.getAttribute('aria-readonly') === 'true',
})"""


_ENTER = f"""el => {{
  el.scrollIntoView({{block: 'center', inline: 'nearest', behavior: 'instant'}});
  const state = ({_STATE})(el);
  if (state && !state.locked) el.focus();
  return state && {{...state, filled: (el.value ?? el.textContent) !== ''}};
}}"""
_LEAVE = f"async el => {{ el.blur(); await null; return ({_STATE})(el); }}"


_BESIDE_LINKS = """el => {
  const links = 'a[href],button,[role=button],[role=link]';
  if (!el.querySelector(links)) return null;
  const box = el.getBoundingClientRect(), root = el.getRootNode();
  for (let y = box.top + 6; y < box.bottom; y += 8) for (let x = box.left + 4; x < box.right; x += 6) {
    const hit = root.elementFromPoint(x, y);
    if (hit && (hit === el || (el.contains(hit) && !hit.closest(links)))) return {x: x - box.left - el.clientLeft, y: y - box.top - el.clientTop};
  }
  return {};
}"""


def label_of(control: Control) -> str:
    """What a person would call it."""
    for source in SOURCES:
        text = control.texts.get(source, "").strip(" *:")
        if text:
            return text[:120]
    return control.name or control.id or control.key


def option_label(control: Control) -> str:
    """A radio's or box's own words, not its group's."""
    return next((control.texts[s] for s in ("label", "aria", "after", "title") if control.texts.get(s)), control.value)


@dataclass
class Hands:
    """What acts on one form. Element handles live for one action: each is looked up when it is needed."""

    page: Page
    form: FormSeen
    enquiry: Enquiry
    limits: Limits
    kept: dict[str, tuple[Control, Kind, str]] = field(default_factory=dict)  # by uid: what must be read back

    @property
    def patience(self) -> float:
        """Milliseconds to wait for a control to wake or for a list to come."""
        return self.limits.step * 200

    def find(self, control: Control) -> ElementHandle:
        """The live control. Raises FORM_CHANGED when it has gone."""
        found = read.locate(self.page, self.form, control)
        if found is None:
            raise Failed(
                FailureType.FORM_CHANGED, f'The field "{label_of(control)}" went away while the form was filled.'
            )
        return found

    def find_visible(self, control: Control) -> ElementHandle:
        """The control, or what a person acts on instead of a hidden one."""
        if not control.visible and control.proxied:
            return read.locate_proxy(self.page, self.form, control) or self.find(control)
        return self.find(control)

    def on(self, control: Control, act: Callable[[ElementHandle], T], *, proxy: bool = False) -> T:
        """`act` on the live control; once more on its successor when it was replaced meanwhile."""
        for last in (False, True):
            try:
                return act(self.find_visible(control) if proxy else self.find(control))
            except Error as error:
                if last or not GONE.search(str(error)):
                    raise
        raise AssertionError("unreachable")

    def state(self, control: Control) -> dict[str, Any]:
        """`value`, `checked` and `locked`, as they are now."""
        return self._ask(control, _STATE)

    def enter(self, control: Control) -> dict[str, Any]:
        """Into view and into it, unless it is locked: its state, and whether it is `filled`."""
        return self._ask(control, _ENTER)

    def leave(self, control: Control) -> dict[str, Any]:
        """Out of it, so that it checks itself: its state then."""
        return self._ask(control, _LEAVE)

    def _ask(self, control: Control, script: str) -> dict[str, Any]:
        found: dict[str, Any] | None = read.ask(self.page, control, script)
        if found is None:
            found = self.on(control, lambda el: el.evaluate(script))
        if found is None:
            raise Error("Element is not attached to the DOM")
        return found

    def wait_awake(self, control: Control) -> bool:
        """Whether it takes input, after waiting a little for it to."""
        if not self.state(control)["locked"]:
            return True
        el = self.find(control)
        with suppress(Error):
            frame_of(el).wait_for_function(
                "el => !el.matches(':disabled') && el.readOnly !== true && el.getAttribute('aria-disabled') !== 'true'",
                arg=el,
                timeout=self.patience,
            )
        return not self.state(control)["locked"]

    def bring(self, el: ElementHandle) -> None:
        """Into view; what is never in view, as a box under its label, stays where it is."""
        with suppress(Error):
            el.scroll_into_view_if_needed(timeout=1000)

    def press(self, el: ElementHandle) -> None:
        """One click, as by a mouse where nothing lies over it, else straight on the element; never on a link inside it, as to the terms."""
        self.bring(el)
        beside = el.evaluate(_BESIDE_LINKS)
        if beside == {}:
            el.evaluate("el => el.click()")
            return
        try:
            el.click(timeout=1500, no_wait_after=True, position=beside)
        except Error as error:
            if GONE.search(str(error)):
                raise
            el.evaluate("el => el.click()")

    def keep(self, control: Control, kind: Kind, text: str) -> None:
        self.kept[control.uid] = (control, kind, text)

    def read_back(self, control: Control, kind: Kind, text: str) -> bool:
        return same(kind, self.state(control)["value"], text)


def frame_of(el: ElementHandle) -> Frame:
    frame = el.owner_frame()
    if frame is None:
        raise Error("Element is not attached to a frame")
    return frame


def same(kind: Kind, shown: str, wanted: str) -> bool:
    """Whether a control holds what was meant: a phone by its digits, other text by letters and digits."""
    if kind in PHONES:
        return same_phone(shown, wanted)
    if shown.replace("\r\n", "\n").strip() == wanted.replace("\r\n", "\n").strip():
        return True
    return bool(tight(wanted)) and tight(shown) == tight(wanted)


def type_over(page: Page, text: str, kind: Kind, *, filled: bool) -> None:
    """Into the box that was entered, over what it holds: as pasted, with a real key at its end. Phones are often masked: all by keys."""
    if filled:
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.press("Delete")
    if kind not in PHONES:
        page.keyboard.insert_text(text[:-1])
        text = text[-1:]
    for number, line in enumerate(text.split("\n")):
        if number:
            page.keyboard.press("Enter")
        page.keyboard.type(line)


def leave(el: ElementHandle) -> None:
    el.evaluate("el => el.blur()")


def put_in(el: ElementHandle, text: str) -> None:
    """At once, with the events that a script waits for: the other way, and the only one for dates."""
    el.fill(text, timeout=1500, force=True)
    leave(el)


def as_options(raw: list[list[Any]]) -> list[Option]:
    return [Option(str(value), str(label), bool(off)) for value, label, off in raw]
