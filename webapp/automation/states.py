"""The machines of this room. Every other move is refused, here and by the database (migration 0005)."""

from __future__ import annotations

from webapp.automation.engine.failures import FAILURES, FailureType
from webapp.core.states import Machine, State

CONTACT_STATUS = Machine(
    "contact status",
    State("pending", "Pending", "neutral", to=("in_progress", "manual_override", "skipped"), icon="clock"),
    State("in_progress", "In progress", "info", to=("success", "failed", "blocked", "pending", "manual_override"), icon="loader"),
    State("success", "Success", "ok", to=("manual_override",), icon="check"),
    State("failed", "Failed", "bad", to=("in_progress", "manual_override"), icon="circle-x"),
    State("manual_override", "Done by hand", "ok", icon="hand"),
    State("skipped", "Skipped", "neutral", to=("manual_override",), icon="circle-minus"),
    State("blocked", "Blocked", "warn", to=("in_progress", "manual_override"), icon="shield-ban"),
    column="contact_status",
)  # fmt: skip
# `timeout` and `blocked` are failures that the seed names apart: a page too slow, a site that says no to machines.
ATTEMPT = Machine(
    "automation attempt",
    State("running", "Running", "info", to=("success", "failed", "timeout", "blocked", "skipped", "cancelled"), icon="loader"),
    State("success", "Success", "ok", icon="check"),
    State("failed", "Failed", "bad", to=("success",), icon="circle-x"),
    State("timeout", "Timed out", "bad", icon="timer"),
    State("blocked", "Blocked", "warn", icon="shield-ban"),
    State("skipped", "Skipped", "neutral", icon="circle-minus"),
    State("cancelled", "Cancelled", "neutral", icon="ban"),
)  # fmt: skip
RUN = Machine(
    "run",
    State("running", "Running", "info", to=("paused", "cancelled", "finished"), icon="loader"),
    State("paused", "Paused", "warn", to=("running", "cancelled"), icon="pause"),
    State("cancelled", "Cancelled", "neutral", icon="ban"),
    State("finished", "Finished", "ok", icon="check"),
    column="state",
)
ACTIVE_RUN = ("running", "paused")
FAILED = ("failed", "timeout", "blocked")  # of an attempt
METHODS_BY_HAND = {"phone": "Phone", "email": "Email", "in_person": "In person", "other": "Other"}
EVENTS = (
    "automation_started", "dealership_started", "dealership_completed", "automation_completed", "automation_paused",
    "automation_resumed", "automation_cancelled", "error_occurred",
)  # fmt: skip


def status_of_failure(kind: FailureType) -> tuple[str, str]:
    """(attempt status, contact status) of a failure."""
    if FAILURES[kind].wall:
        return "blocked", "blocked"
    return ("timeout" if kind is FailureType.PAGE_TIMEOUT else "failed"), "failed"
