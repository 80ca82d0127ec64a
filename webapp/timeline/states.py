"""What a contact is made of, and the two machines of this room."""

from __future__ import annotations

from webapp.core.states import Machine, State
from webapp.leads.methods import METHODS, Method

__all__ = ["CONTACT", "COUNTED", "DIRECTIONS", "METHODS", "NOTICE", "SOURCES", "Method"]

DIRECTIONS = {"outbound": "We contacted them", "inbound": "They contacted us"}
SOURCES = {
    "person": "By hand", "campaign": "Message campaign", "automation": "Automation", "call": "Dialer",
    "tracking": "Website", "import": "Import",
}  # fmt: skip

CONTACT = Machine(
    "contact",
    State("recorded", "Logged", "ok", icon="check"),
    State("reserved", "Planned", "info", to=("sent", "failed", "unknown"), icon="calendar-clock"),
    State("sent", "Sent", "ok", icon="send"),
    State("failed", "Not sent", "bad", icon="circle-x"),
    State("unknown", "Outcome unknown", "warn", to=("sent", "failed"), icon="circle-help"),
    column="state",
)
# A warning or refusal that somebody was shown. `void`: a newer contact came before it was overridden.
NOTICE = Machine(
    "guard notice",
    State("warned", "Warned", "warn", to=("overridden", "stopped", "void"), icon="triangle-alert"),
    State("refused", "Refused", "bad", icon="shield-ban"),
    State("overridden", "Contacted anyway", "info", icon="check"),
    State("stopped", "Warned and stopped", "ok", icon="shield-check"),
    State("void", "Overtaken", "neutral", icon="circle-minus"),
    column="state",
)
# Rows in these states have happened, or may have: they fill the cap and count in the summary.
COUNTED = ("recorded", "sent", "unknown", "reserved")
