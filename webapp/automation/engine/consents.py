"""Boxes that bind the sender: ticked only where the form demands it and the enquiry allows it. Pure."""

from __future__ import annotations

import re

from webapp.automation.engine.hands import label_of
from webapp.automation.engine.outcome import CONSENTS
from webapp.automation.engine.seen import Control, Kind

_SMS = re.compile(
    r"\b(sms|text messages?|texts?|texting|text me|messaging|autodial\w*|automated (calls|text)|msg (&|and) data"
    r"|message and data rates|mensajes? de texto|textnachricht\w*|rcs|whatsapp)\b",
    re.I,
)
_TERMS = re.compile(
    r"terms|conditions|privacy|policy|gdpr|data protection|disclaimer|datenschutz|agb|nutzungsbedingung|verarbeitung|privacidad"
    r"|t[eé]rminos|condiciones|pol[ií]tica|confidentialit|conditions|donn[eé]es|rgpd|dsgvo|processing|personal data|الخصوصية|الشروط",
    re.I,
)
_CONTACT = re.compile(
    r"\b(contact(ed)? (me|by|you|us)?|be contacted|call(s|ed)?( me)?|phone calls|reach (me|out)|email me|get back|reply|respond"
    r"|kontaktier\w*|kontaktaufnahme|contactar\w*|me contacten|recontact\w*|contact[eé]s?)\b",
    re.I,
)


def asked_by(kind: Kind, control: Control) -> frozenset[str]:
    """Which consents this box is: of outcome.CONSENTS, or "marketing"."""
    said = " ".join(control.texts.get(source, "") for source in ("label", "aria", "after", "title", "before"))
    if not said.strip():
        said = control.texts.get("hint", "") or control.name
    if kind is Kind.MARKETING:
        return frozenset({"marketing"})
    found = set()
    if kind is Kind.SMS_CONSENT or _SMS.search(said):
        found.add("sms")
    if _CONTACT.search(said):
        found.add("contact")
    if _TERMS.search(said) or not found:
        found.add("terms")
    return frozenset(found)


def refused(kind: Kind, control: Control, allowed: frozenset[str]) -> str:
    """Why a demanded box must not be ticked, or ""."""
    missing = sorted(asked_by(kind, control) - allowed)
    if not missing:
        return ""
    names = ", ".join(CONSENTS.get(one, "Marketing").lower() for one in missing)
    return f'The form demands a consent that the enquiry does not give ({names}): "{label_of(control)}".'
