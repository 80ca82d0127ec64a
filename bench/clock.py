"""Alternating measurements, medians, and the one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@dataclass
class Job:
    """One line: seconds of ours and of the floor, round by round. `rows` gives the pace."""

    name: str
    target: str
    rows: int = 0
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    note: str = ""
    size: str = ""

    def run(self, ours: Callable[[], float], floor: Callable[[], float] | None, rounds: int = 3) -> Job:
        """Each callable measures itself and gives its seconds; they take turns, and who starts changes."""
        for number in range(rounds):
            pair = [(self.ours, ours), *([(self.floor, floor)] if floor else [])]
            for kept, call in pair if number % 2 == 0 else reversed(pair):
                kept.append(call())
        return self

    @property
    def mine(self) -> float:
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        return self.mine / statistics.median(self.floor) if self.floor else None

    def line(self) -> list[str]:
        def show(seconds: float) -> str:
            text = f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
            return f"{text} ({self.rows / seconds:,.0f}/s)" if self.rows else text

        floor = show(statistics.median(self.floor)) if self.floor else "–"
        ratio = f"{self.ratio:.2f} x" if self.ratio is not None else "–"
        return [self.name, self.size, show(self.mine), floor, ratio, self.target, self.note]


def table(jobs: list[Job]) -> str:
    head = ["job", "size", "ours", "floor", "ratio", "target", "note"]
    rows = [head, *(job.line() for job in jobs)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
