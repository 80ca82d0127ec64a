"""Choosing in lists of every make: native, hidden behind a widget, drawn by role or only by the click, typed ahead."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import ElementHandle, Error, Frame, JSHandle

from webapp.automation.engine.hands import Hands, as_options, frame_of, leave, same, type_over
from webapp.automation.engine.options import is_placeholder, tight
from webapp.automation.engine.seen import Control, Kind, Option

Chooser = Callable[[list[Option]], Option | None]
_LISTS = (Path(__file__).parent / "lists.js").read_text()
_OPTIONS = f"el => {{ {_LISTS} return optionsOf(el); }}"
_MARKS = f"() => {{ {_LISTS} return marks(); }}"
_NEWS = f"([seen, control]) => {{ {_LISTS} const found = news(seen, control); return found.length ? found : null; }}"
_OTHERS = f"([seen, control, before]) => {{ {_LISTS} return told(news(seen, control)).map(o => o[1]).join() !== before.join(); }}"
_TOLD = f"found => {{ {_LISTS} return told(found); }}"
_READY = "el => !el.matches(':disabled') && el.options.length > 1"
_CHANGED = "([el, before]) => !el.matches(':disabled') && [...el.options].map(o => o.text).join('|') !== before"


def pick_native(hands: Hands, control: Control, choose: Chooser) -> Option | None:
    """The chosen option of a select, set and read back; None when none fits, after waiting for options that are still to come."""
    options = options_of(hands, control)
    chosen = choose(options)
    if chosen is None and not any(not is_placeholder(one) and one.value for one in options):
        _wait(hands, control, _READY, None)
        options = options_of(hands, control)
        chosen = choose(options)
    if chosen is None and control.tag == "select" and hands.state(control)["locked"]:
        before = "|".join(one.label for one in options)
        _wait(hands, control, _CHANGED, before)
        chosen = choose(options_of(hands, control))
    if chosen is None:
        return None
    if not hands.wait_awake(control):
        return None
    hidden = not control.visible and control.proxied
    if hidden and pick_drawn(hands, control, choose, proxy=True) is not None and _holds(hands, control, chosen):
        return chosen
    wanted = chosen
    hands.on(control, lambda el: _select(hands, el, wanted))
    return chosen if _holds(hands, control, chosen) else None


def options_of(hands: Hands, control: Control) -> list[Option]:
    return as_options(hands.on(control, lambda el: el.evaluate(_OPTIONS)))


def _holds(hands: Hands, control: Control, option: Option) -> bool:
    return bool(hands.state(control)["value"] == option.value)


def _select(hands: Hands, el: ElementHandle, option: Option) -> None:
    hands.bring(el)
    el.focus()
    options = as_options(el.evaluate(_OPTIONS))
    index = next((n for n, one in enumerate(options) if one == option), None)
    if index is None:
        index = next((n for n, one in enumerate(options) if one.label == option.label), None)
    if index is not None:
        el.select_option(index=index, force=True, timeout=1500)
    leave(el)


def _wait(hands: Hands, control: Control, script: str, known: str | None) -> None:
    el = hands.find(control)
    with suppress(Error):
        frame_of(el).wait_for_function(
            script, arg=el if known is None else [el, known], timeout=hands.patience, polling=50
        )


def pick_drawn(hands: Hands, control: Control, choose: Chooser, *, proxy: bool = False) -> Option | None:
    """The chosen row of a list that opens by a click on its control; None when it does not open or none fits."""
    el = hands.find_visible(control) if proxy else hands.find(control)
    hands.bring(el)
    inline = as_options(el.evaluate(f"el => {{ {_LISTS} return told(optionsIn(el)); }}"))
    seen = frame_of(el).evaluate_handle(_MARKS)
    if not inline:
        hands.press(el)
    chosen = _take_row(hands, el, seen, choose)
    if chosen is None:
        _close(hands, el)
    return chosen


def _take_row(hands: Hands, el: ElementHandle, seen: JSHandle, choose: Chooser) -> Option | None:
    """Wait for rows, press the fitting one. A list that grows, or is drawn anew under the hand, is read again."""
    frame = frame_of(el)
    for _ in range(3):
        try:
            rows = frame.wait_for_function(_NEWS, arg=[seen, el], timeout=hands.patience, polling=50)
        except Error:
            return None
        options = as_options(rows.evaluate(_TOLD))
        chosen = choose(options)
        if chosen is None:
            _wait_for_other_rows(frame, el, seen, [one.label for one in options])
            continue
        row = rows.evaluate_handle("(found, n) => found[n]", options.index(chosen)).as_element()
        try:
            if row is not None and row.evaluate("el => el.isConnected"):
                hands.press(row)
                return chosen
        except Error:
            continue
    return None


def _wait_for_other_rows(frame: Frame, el: ElementHandle, seen: JSHandle, labels: list[str]) -> None:
    with suppress(Error):
        frame.wait_for_function(_OTHERS, arg=[seen, el, labels], timeout=400, polling=50)


def _close(hands: Hands, el: ElementHandle) -> None:
    with suppress(Error):
        el.focus()
        hands.page.keyboard.press("Escape")


def shows(hands: Hands, control: Control, option: Option, *, proxy: bool = False) -> bool:
    """Whether a drawn list shows what was picked."""
    el = hands.find_visible(control) if proxy else hands.find(control)
    text = el.evaluate("el => (el.value || el.innerText || '') + ' ' + (el.getAttribute('aria-label') || '')")
    if tight(option.label) in tight(text):
        return True
    return bool(
        el.evaluate(
            """(el, label) => [...el.querySelectorAll('[aria-selected="true"]'), ...(el.getAttribute('aria-activedescendant')
            ? [document.getElementById(el.getAttribute('aria-activedescendant'))] : [])]
            .some(one => one && one.textContent.includes(label))""",
            option.label,
        )
    )


def type_ahead(hands: Hands, control: Control, kind: Kind, text: str, choose: Chooser) -> bool:
    """Typed until a list comes, then its row taken: for boxes that keep nothing that was not chosen."""
    el = hands.find(control)
    seen = frame_of(el).evaluate_handle(_MARKS)
    type_over(hands.page, text, kind, filled=hands.enter(control)["filled"])
    chosen = _take_row(hands, el, seen, lambda options: _exact(options, text) or choose(options))
    kept = hands.leave(control)["value"]
    return chosen is not None and (same(kind, kept, text) or same(kind, kept, chosen.label))


def _exact(options: list[Option], text: str) -> Option | None:
    return next((one for one in options if tight(one.label) == tight(text)), None)
