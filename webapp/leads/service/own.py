"""Bulk actions that other rooms own: chosen, previewed, run and undone like the leads' own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import User
from webapp.leads.models import BulkAction

Codes = dict[int, str]  # by lead: "" or why it is skipped


class BulkRefused(Exception):
    """The change cannot be asked for; the text says why."""


@dataclass(frozen=True, slots=True)
class OwnAction:
    """`fields` of the form, in `template`; `check` gives their stored form or raises BulkRefused. `judge` counts what
    `run` would do (None: the ids are gone); `run` takes at most `chunk` leads in one transaction, a second time as if once.
    `undo` takes the next leads after `position` and gives (lead ids, those put back).
    """

    title: str  # with its preposition: "Log a contact with"
    sentence: str
    words: tuple[str, str, str]  # what it will, the button, what it has: "Will be logged", "Log with", "Logged"
    template: str
    fields: tuple[str, ...]
    reasons: dict[str, str]
    check: Callable[[dict[str, Any], User], dict[str, Any]]
    judge: Callable[[Sequence[int], dict[str, Any], User], Codes]
    run: Callable[[Sequence[int], BulkAction, User], Codes]
    undo: Callable[[BulkAction, BulkAction, int, User], tuple[list[int], set[int]]]
    chunk: int
    most: int


own_actions: dict[str, OwnAction] = {}

SENTENCES = {
    "status": "Changed the status of",
    "owner": "Changed the owner of",
    "tag_add": "Added a tag to",
    "tag_remove": "Removed a tag from",
}


def sentence_of(action: str) -> str:
    return own_actions[action].sentence if action in own_actions else SENTENCES[action]


def check_size(action: str, total: int) -> None:
    """Raises BulkRefused."""
    if action in own_actions and total > own_actions[action].most:
        raise BulkRefused(
            f"At most {own_actions[action].most:,} leads at once; these are {total:,}. Narrow the filter."
        )
