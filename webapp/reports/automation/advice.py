"""What a project's summary recommends: each with the number it speaks of and the page that does it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.core.text import num, plural
from webapp.reports.automation.document import Advice

SHOWN = 3  # failure types that are spoken of


def recommend(
    project_id: int,
    *,
    by_status: Mapping[str, int],
    unknown: int,
    unplaced: int,
    failures: Iterable[Any],
    attempted: bool,
    attempts_path: Callable[..., str],
) -> tuple[Advice, ...]:
    """`failures`: rows with error_type, status, occurrences and unique_dealerships, the most frequent first.

    `unknown`: dealerships where something was sent and nobody knows what became of it.
    """
    here = f"/projects/{project_id}"
    total = sum(by_status.values())
    if not total:
        text = (
            "This project has no dealerships yet. Add some by importing them or by choosing leads that have a website."
        )
        return (Advice("add", "info", text, "Open the project", here),)
    found = []
    if unknown:
        text = f"{plural(unknown, 'dealership')}: something was sent and no answer came. Ask them before anything is sent again."
        found.append(Advice("ask", "bad", text, "Look at them", f"{here}/attempts?error=submission_failed"))
    blocked = by_status.get("blocked", 0)
    if blocked:
        text = f"{plural(blocked, 'site')} let no machine in. Reach them by phone or email and mark them as contacted."
        found.append(Advice("hand", "warn", text, f"Do {num(blocked)} by hand", f"{here}?status=blocked"))
    for row in [row for row in failures if row.error_type and not FAILURES[FailureType(row.error_type)].wall
                and row.error_type != FailureType.SUBMISSION_FAILED][:SHOWN]:  # fmt: skip
        kind = FAILURES[FailureType(row.error_type)]
        text = f"{kind.label}, {plural(row.unique_dealerships, 'dealership')}. {kind.advice}"
        path = attempts_path(error=row.error_type, status=row.status)
        found.append(Advice(row.error_type, "info", text, f"Look at {plural(row.occurrences, 'attempt')}", path))
    pending = by_status.get("pending", 0)
    if pending:
        text = f"{plural(pending, 'dealership')} {'is' if pending == 1 else 'are'} still to be reached."
        found.append(
            Advice(
                "run",
                "info",
                text,
                "Look at them" if attempted else "Start a run",
                f"{here}?status=pending" if attempted else here,
            )
        )
    if unplaced:
        text = (f"{plural(unplaced, 'dealership')} cannot be placed on the map, so {'it comes' if unplaced == 1 else 'they come'} last. "
                "Give them a postal code.")  # fmt: skip
        found.append(Advice("place", "info", text, f"Place {num(unplaced)}", f"{here}?placed=no"))
    return tuple(found)
