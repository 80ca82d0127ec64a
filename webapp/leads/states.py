"""Lead statuses, declared once: labels, tones, flags, allowed moves, and the database constraint.

Flags: dialable (the hopper may take it), recyclable (offered for recycling), human_answered (somebody
spoke), sticky (an unanswered dial does not change it), final, protected (only a person moves it),
fresh (nothing has come of it yet).
`to` lists what a person may choose. Moves by a call's result are decided in dialer.rules.
"""

from __future__ import annotations

from webapp.core.states import Machine, State

_ALL = (
    "new", "enriched", "contacted", "conversing", "callback", "qualified", "sale", "converted", "no_answer", "busy",
    "failed", "dropped", "congestion", "not_interested", "dnc", "invalid",
)  # fmt: skip


def _state(name: str, label: str, tone: str, icon: str, *flags: str) -> State:
    to = ("new",) if name == "dnc" else tuple(other for other in _ALL if other != name)
    return State(name, label, tone, to=to, icon=icon, flags=frozenset(flags))


LEAD = Machine(
    "lead",
    _state("new", "New", "info", "sparkles", "dialable", "recyclable", "fresh"),
    _state("enriched", "Enriched", "info", "user-plus", "dialable", "recyclable", "fresh"),
    _state("contacted", "Contacted", "ok", "message-circle", "recyclable", "human_answered", "sticky"),
    _state("conversing", "Conversing", "ok", "message-square", "human_answered", "sticky"),
    _state("callback", "Callback Scheduled", "warn", "calendar-clock", "human_answered", "sticky", "recyclable"),
    _state("qualified", "Qualified", "ok", "badge-check", "human_answered", "protected"),
    _state("sale", "Sale", "ok", "handshake", "human_answered", "final", "protected"),
    _state("converted", "Converted", "ok", "trophy", "human_answered", "final", "protected"),
    _state("no_answer", "No Answer", "neutral", "phone-missed", "dialable", "recyclable"),
    _state("busy", "Busy", "warn", "phone-call", "dialable", "recyclable"),
    _state("failed", "Failed", "bad", "phone-off", "dialable", "recyclable"),
    _state("dropped", "Dropped", "warn", "phone-forwarded", "dialable", "recyclable"),
    _state("congestion", "Congestion", "warn", "gauge", "dialable", "recyclable"),
    _state("not_interested", "Not Interested", "neutral", "circle-minus", "human_answered", "final", "sticky", "recyclable"),
    _state("dnc", "Do Not Call", "bad", "shield-ban", "final", "protected"),
    _state("invalid", "Invalid", "bad", "phone-x", "final", "recyclable"),
)  # fmt: skip

PROTECTED = LEAD.with_flag("protected")
RECYCLABLE = LEAD.with_flag("recyclable")
FRESH = LEAD.with_flag("fresh")
STICKY = LEAD.with_flag("sticky")
IMPORTABLE = tuple(name for name in LEAD.names if name != "dnc")
