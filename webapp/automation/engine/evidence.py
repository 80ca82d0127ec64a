"""Pictures and the page's source, as far as the page still answers. Evidence never fails an attempt."""

from __future__ import annotations

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page

from webapp.automation.engine.asking import answers
from webapp.automation.engine.browser import VIEWPORT
from webapp.automation.engine.recording import Recording

SOURCE = 2_000_000  # characters
TALLEST = 6_000  # CSS pixels of a picture
PATIENCE = 6_000  # milliseconds for one


def picture(page: Page, recording: Recording, *, whole: bool = True) -> bytes | None:
    """The page from its top as PNG, one pixel a CSS pixel, so that boxes of fields fit; `whole` False: only what is in view.

    None when it cannot be drawn.
    """
    try:
        if page.is_closed() or not answers(page):
            return None
        if not whole:
            return page.screenshot(scale="css", timeout=PATIENCE)
        height = page.evaluate("() => Math.max(document.documentElement?.scrollHeight ?? 0, innerHeight)")
        clip = {
            "x": 0,
            "y": 0,
            "width": VIEWPORT["width"],
            "height": min(max(int(height), VIEWPORT["height"]), TALLEST),
        }
        return page.screenshot(full_page=True, clip=clip, scale="css", animations="disabled", timeout=PATIENCE)  # type: ignore[arg-type]
    except BrowserError as error:
        recording.note("no_picture", error.message)
        return None


def source(page: Page, recording: Recording, frame: int = 0) -> str:
    """The page's HTML as it stands, and that of the frame with the form behind it."""
    try:
        if page.is_closed() or not answers(page):
            return ""
        text = page.content()
        if frame and frame < len(page.frames):
            text += f"\n<!-- {page.frames[frame].url[:300]} -->\n" + page.frames[frame].content()
    except BrowserError as error:
        recording.note("no_source", error.message)
        return ""
    return text[:SOURCE]
