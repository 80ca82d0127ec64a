"""Call statuses, dispositions, and the one mapping from a call's result to a lead's status.

The mapping also feeds the generated columns of call_logs, so imports, events, repairs and rows from
another system are all read the same way.
"""

from __future__ import annotations

from webapp.core.states import Machine, State

CALL = Machine(
    "call",
    State("dialing", "Dialing", "info", to=(), icon="phone-outgoing", flags=frozenset({"live"})),
    State("ringing", "Ringing", "info", to=(), icon="phone-outgoing", flags=frozenset({"live"})),
    State("answered", "Answered", "ok", icon="phone", flags=frozenset({"human"})),
    State("no_answer", "No answer", "neutral", icon="phone-missed"),
    State("busy", "Busy", "warn", icon="phone-call"),
    State("failed", "Failed", "bad", icon="phone-off"),
    State("network", "Network error", "bad", icon="phone-off"),
    State("congestion", "Congestion", "warn", icon="gauge"),
    State("dropped", "Dropped", "warn", icon="phone-forwarded"),
    State("cancelled", "Cancelled", "neutral", icon="phone-missed"),
    State("machine", "Answering machine", "neutral", icon="voicemail"),
    State("invalid_number", "Invalid number", "bad", icon="phone-x"),
    State("unknown", "Unknown outcome", "warn", icon="circle-help"),
    column="call_status",
)

STATUS_OF_CALL: dict[str, str] = {
    "answered": "contacted",
    "no_answer": "no_answer",
    "machine": "no_answer",
    "cancelled": "no_answer",
    "busy": "busy",
    "failed": "failed",
    "network": "failed",
    "congestion": "congestion",
    "dropped": "dropped",
    "invalid_number": "invalid",
    "unknown": "failed",
}
DISPOSITIONS: dict[str, str] = {
    "contacted": "Contacted",
    "callback": "Callback Scheduled",
    "sale": "Sale",
    "qualified": "Qualified",
    "not_interested": "Not Interested",
    "dnc": "Do Not Call",
    "invalid": "Invalid",
}


def status_of_result(call_status: str, disposition: str | None) -> str | None:
    """The lead status one call speaks for; None while it is in progress."""
    return disposition or STATUS_OF_CALL.get(call_status)


_CASES = " ".join(f"WHEN '{call}' THEN '{status}'" for call, status in STATUS_OF_CALL.items() if call != "answered")

# A call is open while it has no end and nothing but its own progress to tell.
IS_OPEN_SQL = "(ended_at IS NULL AND disposition IS NULL AND call_status IN ('dialing', 'ringing', 'answered'))"
RESULT_SQL = f"""CASE WHEN disposition IS NOT NULL THEN disposition
 WHEN call_status = 'answered' AND ended_at IS NOT NULL THEN 'contacted'
 WHEN call_status IN ('dialing', 'ringing') AND ended_at IS NOT NULL THEN 'no_answer'
 ELSE CASE call_status {_CASES} END END"""
RESULT_AT_SQL = f"""CASE WHEN ({RESULT_SQL}) IS NOT NULL
 THEN greatest(coalesce(ended_at, started_at), disposition_at) END"""
HUMAN_SQL = "(call_status = 'answered' OR coalesce(disposition, '') IN ('contacted', 'sale', 'qualified', 'not_interested', 'dnc'))"
DECIDED_SQL = "(disposition IS NOT NULL OR call_status = 'answered')"


def is_human(call_status: str, disposition: str | None) -> bool:
    """HUMAN_SQL for rows not written yet."""
    return call_status == "answered" or disposition in ("contacted", "sale", "qualified", "not_interested", "dnc")


def is_contact(call_status: str, disposition: str | None) -> bool:
    """The database's `call_reached` for rows not written yet: what failed on the way is no contact."""
    return (
        call_status not in ("failed", "network", "congestion", "invalid_number")
        or (disposition or "invalid") != "invalid"
    )
