"""Consent banners that lie over a form: dismissed by the button that refuses most, one click each.

Known makes first, then whatever floats over the page, speaks of cookies or consent and has a button: reject, only what is necessary,
close or acknowledge, and a single accept when nothing else is offered. A banner with nothing but settings is left alone.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Frame, Page

from webapp.automation.engine.asking import packed, unpack
from webapp.automation.engine.captchas import is_captcha_frame

MOST = 3  # banners on one page
PATIENCE = 2.0  # seconds for a click, and for a banner to go
_HERE = Path(__file__).parent
_WORDS: dict[str, Any] = json.loads((_HERE / "banners.json").read_text())
_SCRIPT = (_HERE / "banners.js").read_text()
_TOLD = packed(_SCRIPT, words=_WORDS, tell=True)


def dismiss(page: Page) -> list[str]:
    """What was pressed, as sentences for the evidence. Never raises for a banner that will not go."""
    pressed: list[str] = []
    for frame in list(page.frames):
        while len(pressed) < MOST:
            with suppress(BrowserError):  # a frame that has gone
                done = _dismiss_one(page, frame)
                if done and done not in pressed:
                    pressed.append(done)
                    continue
            break
    return pressed


def _dismiss_one(page: Page, frame: Frame) -> str:
    framed = frame is not page.main_frame
    if is_captcha_frame(frame) or (framed and not _lies_over(frame)):
        return ""
    told = unpack(frame.evaluate(_TOLD, {"framed": framed}))
    if not told:
        return ""
    button = frame.evaluate_handle(_SCRIPT, {"words": _WORDS, "framed": framed, "tell": False}).as_element()
    if button is None:
        return ""
    try:
        button.click(timeout=PATIENCE * 1000)
    except BrowserError:
        return ""
    with suppress(BrowserError):  # its frame goes with it
        button.wait_for_element_state("hidden", timeout=PATIENCE * 1000)
    return f"banner{' of ' + told['name'] if told['name'] else ''}: pressed “{told['text']}” ({told['kind']})"


def _lies_over(frame: Frame) -> bool:
    """Whether a frame floats over the page, as banners in frames do; a form's frame stands in it."""
    element = frame.frame_element()
    return bool(
        element.is_visible()
        and element.evaluate(
            """(el) => { for (let at = el, step = 0; at && step < 6; at = at.parentElement, step++) {
                 const style = getComputedStyle(at);
                 if (style.position === "fixed" || (style.position === "absolute" && Number(style.zIndex) > 10)) return true;
               } return false; }"""
        )
    )
