"""The verbs of the timeline. Every outreach, by whomever, passes `log_contact`, `log_many` or `reserve_contact`."""

from webapp.timeline.service.changes import (
    change_follow_up,
    correct,
    drop_planned,
    edit_text,
    hide,
    make_planned,
    set_responded,
    unhide,
)
from webapp.timeline.service.contacts import log_contact
from webapp.timeline.service.notices import REASONS, settle_expired, stop
from webapp.timeline.service.outcomes import Answer, ContactRefused, Draft, StaleContact, over_cap_hooks
from webapp.timeline.service.reserved import log_many, reserve_contact, settle_contact

__all__ = [
    "REASONS", "Answer", "ContactRefused", "Draft", "StaleContact", "change_follow_up", "correct", "drop_planned",
    "edit_text", "hide", "log_contact", "log_many", "make_planned", "over_cap_hooks", "reserve_contact", "set_responded",
    "settle_contact", "settle_expired", "stop", "unhide",
]  # fmt: skip
