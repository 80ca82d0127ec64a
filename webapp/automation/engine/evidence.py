"""Pictures and the page's source, as far as the page still answers. Evidence never fails an attempt."""

from __future__ import annotations

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import FloatRect, Page

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
        if page.is_closed():
            return None
        if not whole:
            return page.screenshot(scale="css", timeout=PATIENCE)
        clip: FloatRect = {
            "x": 0,
            "y": 0,
            "width": VIEWPORT["width"],
            "height": TALLEST,
        }  # the driver cuts it to the page's size
        return page.screenshot(full_page=True, clip=clip, scale="css", animations="disabled", timeout=PATIENCE)
    except BrowserError as error:
        recording.note("no_picture", error.message)
        return None


def source(page: Page, recording: Recording, frame: int = 0, *, sure: bool = False) -> str:
    """The page's HTML as it stands, and that of the frame with the form behind it. `sure` when the page has just answered."""
    try:
        if page.is_closed() or not (sure or answers(page)):
            return ""
        text = page.content()
        if frame and frame < len(page.frames):
            text += f"\n<!-- {page.frames[frame].url[:300]} -->\n" + page.frames[frame].content()
    except BrowserError as error:
        recording.note("no_source", error.message)
        return ""
    return text[:SOURCE]
