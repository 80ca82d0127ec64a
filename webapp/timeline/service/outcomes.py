"""What the verbs of this room take and give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from webapp.timeline.models import ContactAttempt, GuardNotice
from webapp.timeline.rules import Decision


@dataclass(frozen=True, slots=True)
class Draft:
    """A contact as somebody tells it. `occurred_at` None: now. `response_at` only with `responded`."""

    method: str
    direction: str = "outbound"
    subject: str = ""
    body: str = ""
    occurred_at: datetime | None = None
    responded: bool = False
    response_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    follow_up_on: date | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Either the contact as written (`repeated`: it was there already), or the notice that stands in its way.

    `token` goes with a warning: the one way past it, once, within ten minutes.
    """

    decision: Decision
    contact: ContactAttempt | None = None
    notice: GuardNotice | None = None
    token: str | None = None
    similarity: int | None = None
    repeated: bool = False


class ContactRefused(ValueError):
    """What was told cannot be: `field` names what is wrong, the text says how to mend it."""

    def __init__(self, text: str, field: str = ""):
        self.field = field
        super().__init__(text)


class StaleContact(Exception):
    """The contact was changed by somebody else since it was shown."""


# Told in the transaction in hand about a contact over its cap that was recorded after the fact:
# (contact id, lead id, company id, owner's user id or None).
over_cap_hooks: list[Callable[[int, int, int, int | None], None]] = []
