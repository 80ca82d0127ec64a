"""What all windows of an attempt show at one moment: taken before the click and after it, compared by `verdict`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import ElementHandle, Error, Frame, Page

from webapp.automation.engine import read
from webapp.automation.engine.asking import packed, unpack
from webapp.automation.engine.captchas import is_captcha_frame
from webapp.automation.engine.outcome import Enquiry

_HERE = Path(__file__).parent
_LOOK = packed(
    f"([ours, form]) => {{ const SECRET = {json.dumps(read.SECRET)};\n{(_HERE / 'tree.js').read_text()}\n"
    f"{(_HERE / 'snapshot.js').read_text()}\nreturn look(ours, form); }}"
)
FRAMES = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One block of text. `tone` by the classes around it: error, good or ""; `live` in an alert or status region."""

    text: str
    seen: bool = True
    live: bool = False
    tone: str = ""
    in_form: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a form builder's own mark says: good, bad, or None for a state that is neither."""

    builder: str
    good: bool | None
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """One frame. `held` counts boxes in sight that hold our values, `wrong` labels marked aria-invalid, `native` what the browser itself
    finds wrong with the form, `form` whether the form that we sent stands here in sight.
    """

    url: str
    lines: tuple[Line, ...] = ()
    wrong: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    machine: tuple[Said, ...] = ()
    held: int = 0
    form: bool = False
    window: bool = False  # a window that was opened since
    top: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    views: tuple[View, ...]

    @property
    def held(self) -> int:
        return sum(view.held for view in self.views)

    @property
    def url(self) -> str:
        return self.views[0].url if self.views else ""

    def known(self) -> set[str]:
        """Every text in the documents, seen or not."""
        return {line.text for view in self.views for line in view.lines}

    def shown(self) -> set[str]:
        return {line.text for view in self.views for line in view.lines if line.seen}


def values_of(enquiry: Enquiry, typed: Iterable[str]) -> list[str]:
    """What would betray that a box still holds our entry: long enough to be nobody else's."""
    texts = [*typed, enquiry.email, enquiry.message, enquiry.full_name]
    return sorted({" ".join(text.split()) for text in texts if len(text) > 2})


def take_snapshot(
    page: Page, windows: Iterable[Page], ours: list[str], form: ElementHandle | None, home: Frame | None = None
) -> Snapshot:
    """All frames in sight of the page and of its windows; those of captchas and those that are just going are left out. `home` is the
    frame that the form stood in.
    """
    views = []
    for window in (page, *windows):
        if window.is_closed():
            continue
        for frame in window.frames[:FRAMES]:
            view = _view(frame, ours, form if frame is home else None, new=window is not page)
            if view is not None:
                views.append(view)
    return Snapshot(tuple(views))


def _view(frame: Frame, ours: list[str], form: ElementHandle | None, *, new: bool) -> View | None:
    if is_captcha_frame(frame):
        return None
    try:
        if frame.parent_frame is not None and not frame.frame_element().is_visible():
            return None
        raw = _look(frame, ours, form)
    except Error:
        return None
    return View(
        url=raw["url"],
        lines=tuple(Line(*one) for one in raw["lines"]),
        wrong=tuple(raw["wrong"]),
        native=tuple(raw["native"]),
        machine=tuple(Said(*one) for one in raw["machine"]),
        held=raw["held"],
        form=raw["form"],
        window=new,
        top=frame.parent_frame is None,
    )


def _look(frame: Frame, ours: list[str], form: ElementHandle | None) -> dict[str, Any]:
    try:
        found: dict[str, Any] = unpack(frame.evaluate(_LOOK, [ours, form]))
    except Error:
        if form is None:
            raise
        found = unpack(frame.evaluate(_LOOK, [ours, None]))  # its document has gone, with the form
    return found
