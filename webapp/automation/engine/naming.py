"""What a text names: autocomplete tokens, and words by source, most trusted first."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.automation.engine import words
from webapp.automation.engine.seen import Control, Kind
from webapp.automation.engine.words import plain


@dataclass(frozen=True, slots=True)
class Mapped:
    """`source`: autocomplete, type, label, aria, name, id, placeholder, over, before, after, title, heading, options, neighbours,
    position or rule. `confidence` 0 to 1; below 0.5 only a required control should be filled from it.
    """

    kind: Kind
    source: str
    confidence: float
    reason: str = ""


AUTOCOMPLETE: dict[str, Kind] = {
    "name": Kind.FULL_NAME,
    "given-name": Kind.FIRST_NAME,
    "additional-name": Kind.MIDDLE_NAME,
    "family-name": Kind.LAST_NAME,
    "email": Kind.EMAIL,
    "tel": Kind.PHONE,
    "tel-national": Kind.PHONE,
    "tel-country-code": Kind.PHONE_COUNTRY,
    "tel-area-code": Kind.PHONE_AREA,
    "tel-local": Kind.PHONE_LINE,
    "tel-local-prefix": Kind.PHONE_PREFIX,
    "tel-local-suffix": Kind.PHONE_LINE,
    "tel-extension": Kind.PHONE_EXTENSION,
    "organization": Kind.COMPANY,
    "street-address": Kind.STREET,
    "address-line1": Kind.STREET,
    "address-line2": Kind.STREET_2,
    "address-level2": Kind.CITY,
    "address-level1": Kind.STATE,
    "postal-code": Kind.POSTAL_CODE,
    "country": Kind.COUNTRY,
    "country-name": Kind.COUNTRY,
    "current-password": Kind.PASSWORD,
    "new-password": Kind.PASSWORD,
}
# Sources of words, most trusted first, with how far each is trusted.
SOURCES: tuple[tuple[str, float], ...] = (
    ("label", 0.95),
    ("aria", 0.9),
    ("over", 0.85),
    ("name", 0.8),
    ("id", 0.75),
    ("placeholder", 0.8),
    ("before", 0.75),
    ("title", 0.6),
    ("after", 0.5),
)
LONGEST = 90  # a label longer than this is a sentence: only its first words name the control


def kind_of_text(text: str) -> Kind | None:
    said = plain(text)
    if not said:
        return None
    if len(said) > LONGEST:
        said = said[:LONGEST]
    if words.NOT_THIS.search(said):
        return Kind.UNKNOWN
    hits = [
        (found.start(), number, kind)
        for number, (kind, pattern) in enumerate(words.TEXT_KINDS)
        if (found := pattern.search(said))
    ]
    if not hits:
        return (
            Kind.UNKNOWN
            if words.FAX.search(said) or words.WEBSITE.search(said) or words.SALUTATION.search(said)
            else None
        )
    if words.FAX.search(said) and min(hits, key=lambda h: h[1])[2] is Kind.PHONE:
        return Kind.UNKNOWN
    return min(hits, key=lambda h: h[1])[2]


def said_by(control: Control, source: str) -> str:
    if source == "name":
        return control.name
    if source == "id":
        return control.id
    return control.texts.get(source, "")
