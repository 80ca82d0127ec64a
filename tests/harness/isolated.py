"""Running something as if nothing around it were there."""

import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def fresh(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call without the test's Flask, log or session context, as a server would."""
    return contextvars.Context().run(call, *args, **kwargs)


def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call in a thread of its own and give back what it returned or raised.

    Playwright starts only once in a thread, and the `browser` fixture holds the main one.
    """
    box: dict[str, Any] = {}

    def run() -> None:
        try:
            box["value"] = call(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            box["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["value"]  # type: ignore[no-any-return]
