"""What a contact is made of, and the two machines of this room."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.core.states import Machine, State


@dataclass(frozen=True, slots=True)
class Method:
    """`reaches`: the field of the lead that this method needs; `said` completes "Alice ... them"."""

    name: str
    label: str
    icon: str
    reaches: str
    said: str


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("email", "Email", "mail", "email", "emailed"),
        Method("linkedin", "LinkedIn", "linkedin", "linkedin_url", "messaged on LinkedIn"),
        Method("call", "Phone call", "phone", "phone", "called"),
        Method("sms", "SMS", "message-square", "phone", "texted"),
        Method("whatsapp", "WhatsApp", "message-circle", "phone", "messaged on WhatsApp"),
        Method("web_form", "Web form", "globe", "website", "wrote by web form to"),
        Method("other", "Other", "ellipsis", "", "contacted"),
    )
}
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
