"""After the press: how long is looked, when a verdict stands, and which picture is of it. The page is a row of looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from webapp.automation.engine.snapshot import Line, Snapshot, View
from webapp.automation.engine.submit import PICTURES, _Watch
from webapp.automation.engine.verdict import Verdict


def page_of(words: str) -> Snapshot:
    return Snapshot((View("https://a.example/contact", (Line(words),)),))


class Page:
    def is_closed(self) -> bool:
        return False


@dataclass
class Recorder:
    busy: bool = False
    crashed: bool = False
    changed_at: float = 0.0

    def is_busy(self) -> bool:
        return self.busy


@dataclass
class Row(_Watch):
    """Looks at what stands in `shown`, the last of it again and again; each look's words are its verdict's message."""

    shown: list[str] = field(default_factory=list)
    leaves_at: str = ""  # the look that a request leaves with; it has come after the next wait

    def look(self) -> Snapshot:
        return page_of(self.shown.pop(0) if len(self.shown) > 1 else self.shown[0])

    def judged(self, now: Snapshot) -> Verdict:
        words = now.views[0].lines[0].text
        if words == self.leaves_at:
            self.recorder.busy = True  # type: ignore[attr-defined]
        return Verdict("unconfirmed", words, [], quiet=0.0)

    def _wait(self, ms: float) -> None:
        self.recorder.busy, self.leaves_at = False, ""  # type: ignore[attr-defined]


def row(*shown: str, photograph: Any = lambda: None, **more: Any) -> Row:
    return Row(Page(), Recorder(), page_of(""), [], None, 1, photograph, shown=list(shown), **more)  # type: ignore[arg-type]


def pictures(most: int) -> Iterator[bytes]:
    for number in range(most):
        yield f"picture {number + 1}".encode()


def test_the_picture_is_of_the_page_that_the_verdict_is_about() -> None:
    taken = pictures(2)
    watch = row("Sending", "Thank you", photograph=lambda: next(taken))
    verdict = watch.until_settled(60, None)
    assert verdict is not None
    assert verdict.message == "Thank you"
    assert watch.picture == b"picture 2", "the first shows what is no longer there"


def test_a_page_that_never_comes_to_rest_is_photographed_a_few_times_and_no_more() -> None:
    taken = pictures(PICTURES)
    watch = row(*(f"{n} people look at this" for n in range(40)), photograph=lambda: next(taken))
    assert watch.until_settled(60, None) is not None
    assert watch.picture is None


def test_a_verdict_does_not_stand_while_a_request_has_just_left() -> None:
    watch = row("One moment", "Thank you", leaves_at="One moment")
    verdict = watch.until_settled(60, None)
    assert verdict is not None
    assert verdict.message == "Thank you"
