"""Questions to a page that may be busy, or on its way to another document; answers of many parts come as one text, which costs a
tenth of the driver's own way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Frame, Page
from playwright.sync_api import TimeoutError as BrowserTimeout

T = TypeVar("T")
_PACK = (Path(__file__).parent / "pack.js").read_text()
ARRIVING = 5_000  # milliseconds for the next document
BETWEEN = 20  # milliseconds between two questions


def packed(script: str, **constants: Any) -> str:
    """A script, a function of one argument, as one whose answer `unpack` takes. `constants` are further parts of that argument."""
    given = f"{{...{json.dumps(constants)}, ...given}}" if constants else "given"
    return f"(given) => {{ {_PACK}return pack(({script})({given})); }}"


def unpack(answer: str) -> Any:
    return json.loads(answer)


def answers(page: Page, seconds: float = 2.0) -> bool:
    """Whether its scripts let anything through: a page in an endless loop would hold every further question."""
    try:
        page.locator(":root").first.wait_for(state="attached", timeout=seconds * 1000)
    except BrowserError:
        return False
    return True


def ask(target: Page | Frame, script: str, argument: Any = None) -> Any:
    """`evaluate`, asked again when the document was replaced under the question. Raises the browser's Error."""
    return steady(target, lambda: target.evaluate(script, argument))


def steady(target: Page | Frame, question: Callable[[], T]) -> T:
    """What `question` answers, asked again while documents are replaced under it. Raises the browser's Error.

    The driver may say for a while that the old document went before it knows of the next one: many questions in few milliseconds
    all go wrong, so the tries are bounded by time.
    """
    ends = time.monotonic() + ARRIVING / 1000
    while True:
        try:
            return question()
        except BrowserError as error:
            if time.monotonic() > ends or not is_replaced(error):
                raise
        with suppress(BrowserTimeout):
            target.wait_for_load_state("domcontentloaded", timeout=ARRIVING)
        target.wait_for_timeout(BETWEEN)


def is_replaced(error: BrowserError) -> bool:
    """The document went while it was asked; the next one may answer."""
    return "context was destroyed" in error.message or "Cannot find context" in error.message
