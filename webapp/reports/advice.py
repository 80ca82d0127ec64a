"""What the status report recommends, in words, with the page that does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from webapp.core.text import num, plural
from webapp.leads.states import LEAD

# Results that another dial may change.
UNANSWERED = ("no_answer", "busy", "failed", "dropped", "congestion")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`path` is a page of ours; its own preview says exactly what will happen."""

    kind: str
    tone: str
    text: str
    action: str
    path: str


def leads_path(list_id: int, **filters: Any) -> str:
    """The list's leads under a filter of webapp.leads.filters."""
    return "/leads?" + urlencode({"list": list_id, **filters})


def recommend(
    list_id: int,
    *,
    total: int,
    problems: Iterable[Any],
    heavy: int,
    exhausted: int,
    campaign: bool,
    recyclable: Mapping[str, int],
) -> tuple[Recommendation, ...]:
    if not total:
        return (
            Recommendation(
                "import",
                "info",
                "This list has no leads yet.",
                "Import leads",
                "/imports/new?" + urlencode({"list": list_id}),
            ),
        )
    kept = list(problems)
    fixable = sum(row.leads for row in kept if row.repairable)
    by_hand = sum(row.leads for row in kept if not row.repairable)
    found = []
    if fixable:
        found.append(
            Recommendation(
                "fix", "bad", f"{plural(fixable, 'lead')} {_is(fixable, 'has', 'have')} a status or a count that "
                "contradicts the calls. Fix first: until then the other numbers are not certain.",
                f"Fix {plural(fixable, 'lead')}", f"/lists/{list_id}/recycle",
            )
        )  # fmt: skip
    if by_hand:
        found.append(
            Recommendation(
                "look", "warn", f"{plural(by_hand, 'lead')} {_is(by_hand, 'needs', 'need')} a person to decide, because "
                "the facts allow more than one answer.", f"Look at {plural(by_hand, 'lead')}", "/problems?" + urlencode({"list": list_id}),
            )
        )  # fmt: skip
    if not campaign:
        found.append(
            Recommendation(
                "campaign", "warn", "This list belongs to no dial campaign, so none of its leads is dialed by itself.",
                "Choose a campaign", f"/lists/{list_id}",
            )
        )  # fmt: skip
    for status, leads in sorted(((s, recyclable.get(s, 0)) for s in UNANSWERED), key=lambda pair: -pair[1])[:2]:
        if leads:
            label = LEAD[status].label
            found.append(
                Recommendation(
                    "recycle", "info", f"{plural(leads, 'lead')} {_is(leads, 'is', 'are')} at {label} and may be dialed again in "
                    "a new pass.", f"Recycle {num(leads)} {label}", f"/lists/{list_id}/recycle?" + urlencode({"status": status}),
                )
            )  # fmt: skip
    if exhausted:
        found.append(
            Recommendation(
                "exhausted", "warn", f"{plural(exhausted, 'lead')} {_is(exhausted, 'has', 'have')} no dials left: a limit, or the "
                "redials of the last result, are used up. Raise them, recycle the leads, or let them rest.", f"Review {num(exhausted)} exhausted",
                f"/lists/{list_id}/recycle",
            )
        )  # fmt: skip
    if heavy:
        found.append(
            Recommendation(
                "heavy", "warn", f"{plural(heavy, 'lead')} {_is(heavy, 'was', 'were')} dialed 10 times or more and never answered. "
                "Check the numbers, or stop dialing them.", f"Review {plural(heavy, 'lead')}",
                leads_path(list_id, attempts_min=10, answered="no"),
            )
        )  # fmt: skip
    return tuple(found)


def _is(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
