"""The ways to reach a lead, declared once."""

from __future__ import annotations

from dataclasses import dataclass


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
