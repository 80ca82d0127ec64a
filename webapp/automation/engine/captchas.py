"""Captchas: found, named and left alone. There is nothing in here, nor anywhere in the engine, that answers one.

What counts is what asks something of the visitor: a box in sight, a challenge on the screen, a picture, a sum, a question, a slider.
An invisible score-type badge asks nothing; it is noted, and is believed to have said no only when the site then refuses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import ElementHandle, Frame, Page
from playwright.sync_api import Error as BrowserError

from webapp.automation.engine import read
from webapp.automation.engine.asking import packed, unpack
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.seen import FormSeen

_HERE = Path(__file__).parent
_WORDS: dict[str, Any] = json.loads((_HERE / "captchas.json").read_text())
_SCRIPT = packed((_HERE / "captchas.js").read_text(), words=_WORDS)
_OWN = re.compile("|".join(one["match"] for one in _WORDS["frames"]) + r"|captcha-delivery\.com", re.I)
_REFUSAL = re.compile(_WORDS["refusals"], re.I)
KINDS = {
    "box": "box to tick",
    "challenge": "open challenge",
    "badge": "score badge",
    "picture": "picture with text",
    "text": "text to copy",
    "sum": "sum",
    "quiz": "question",
    "slider": "slider",
    "robot box": "box that says no robot",
}


@dataclass(frozen=True, slots=True)
class Captcha:
    """`active` when it asks something of the visitor now; `place` is form, page or other (another form than the chosen one)."""

    kind: str
    vendor: str
    active: bool
    place: str
    said: str = ""

    @property
    def name(self) -> str:
        words = KINDS[self.kind]
        return f"{self.vendor} {words}" if self.vendor else words

    @property
    def stops(self) -> bool:
        """An open challenge lies over the whole page, whatever form called it."""
        return self.active and (self.place != "other" or self.kind == "challenge")


def is_captcha_frame(frame: Frame) -> bool:
    """A vendor's own frame: nothing in it is asked, read or pressed."""
    return bool(_OWN.search(frame.url))


def find_captchas(page: Page, form: FormSeen | None = None) -> list[Captcha]:
    """Those of the page and its frames. In the frame of the chosen form, what belongs to another form says so."""
    element = read.locate_form(page, form) if form else None
    home = read.frame_of(page, form, element) if form and element else None
    found: list[Captcha] = []
    for frame in page.frames:
        if is_captcha_frame(frame):
            continue
        try:
            if frame is not page.main_frame and not frame.frame_element().is_visible():
                continue
            raw = unpack(frame.evaluate(_SCRIPT, {"form": element if frame is home else None}))
            elsewhere = "" if element is None or frame is home else _place_of(frame, home, element)
        except BrowserError:
            if frame is page.main_frame:
                raise
            continue  # a frame that has just gone
        for one in raw:
            found.append(Captcha(one["kind"], one["vendor"], one["active"], elsewhere or one["place"], one["said"]))
    return found


def _place_of(frame: Frame, home: Frame | None, form: ElementHandle) -> str:
    """Whether a frame stands inside the chosen form, around its frame ("": as its own script says), or elsewhere."""
    around = home
    while around is not None:
        if around is frame:
            return ""
        around = around.parent_frame
    at: Frame | None = frame
    while at is not None and at.parent_frame is not home:
        at = at.parent_frame
    return "form" if at and at.frame_element().evaluate("(el, form) => form.contains(el)", form) else "other"


def check(page: Page, form: FormSeen | None) -> list[str]:
    """Raises Failed for one that stands before this form; the names of idle ones otherwise."""
    found = find_captchas(page, form)
    for one in found:
        if one.stops:
            raise failure(one)
    return sorted({one.name for one in found if not one.active and one.place != "other"})


def failure(one: Captcha) -> Failed:
    evidence = [f"captcha: {one.name}"]
    if one.vendor:
        evidence.append(f"vendor: {one.vendor}")
    if one.said:
        evidence.append(f"said: {one.said}")
    return Failed(FailureType.CAPTCHA_DETECTED, f"The form asks for a person: {one.name}", evidence=tuple(evidence))


def after_submit(page: Page, form: FormSeen | None, *, idle: list[str], words: str) -> Failed | None:
    """What came of the click: a challenge that opened, or a refusal in words that speak of one. `words` are the site's."""
    try:
        found = find_captchas(page, form)
    except BrowserError:
        found = []
    opened = next((one for one in found if one.stops), None)
    if opened:
        return failure(opened)
    said = _REFUSAL.search(words)
    if said and (idle or "captcha" in said[0].lower()):
        evidence = (*(f"captcha: {name}" for name in idle), f"said: {words[:200]}")
        return Failed(FailureType.CAPTCHA_DETECTED, f"The site took us for a machine: {words[:200]}", evidence=evidence)
    return None
