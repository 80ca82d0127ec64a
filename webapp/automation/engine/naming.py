"""What a text names: autocomplete tokens, and words by source, most trusted first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from webapp.automation.engine import words
from webapp.automation.engine.seen import Control, Kind
from webapp.automation.engine.words import plain


@dataclass(frozen=True, slots=True)
class Mapped:
    """`source`: autocomplete, type, label, aria, name, id, placeholder, over, before, after, title, heading, options, neighbours,
    position, rule or saved. `confidence` 0 to 1; below 0.5 only a required control should be filled from it.
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
# Sources of words, most trusted first, with how far each is trusted. Words right before a control are its label where it has no other.
SOURCES: tuple[tuple[str, float], ...] = (
    ("label", 0.95),
    ("aria", 0.9),
    ("over", 0.85),
    ("placeholder", 0.85),
    ("before", 0.8),
    ("name", 0.75),
    ("id", 0.7),
    ("title", 0.6),
    ("after", 0.5),
)
WRITTEN = frozenset({"label", "aria", "over", "placeholder", "before", "title", "after"})
LONGEST = {"label": 110, "placeholder": 110, "aria": 110, "over": 110, "before": 70, "title": 80, "after": 50}
_ASIDE = re.compile(
    r"[(\[（【][^)\]）】]*[)\]）】]|[:：*].*$|\b(this|dieses|ce|este) (field|feld|champ|campo)\b.*$", re.I
)
_PLACES = (words.CITY, words.STATE, words.POSTAL_CODE, words.STREET)


def token_of(control: Control) -> Kind | None:
    """What the autocomplete attribute says, its last known token."""
    return next((AUTOCOMPLETE[one] for one in reversed(control.autocomplete.split()) if one in AUTOCOMPLETE), None)


def said_by(control: Control, source: str) -> str:
    if source == "name":
        return control.name
    if source == "id":
        return control.id
    return control.texts.get(source, "")


def kind_of_text(text: str, source: str = "label") -> Kind | None:
    """The kind that a text names; UNKNOWN when it names something else on purpose, None when it says nothing."""
    said = plain(text)
    written = source in WRITTEN
    if not said or len(said) > LONGEST.get(source, 200):
        return None
    if words.SUM.search(text) or words.CAPTCHA.search(said):
        return Kind.CAPTCHA
    short = plain(_ASIDE.sub(" ", text)) if written else said
    if words.NOT_THIS.search(short or said):
        return Kind.UNKNOWN
    kind = next((kind for kind, pattern in words.TEXT_KINDS if pattern.search(said)), None)
    if kind is None:
        odd = words.FAX.search(said) or words.WEBSITE.search(said) or words.SALUTATION.search(said)
        return Kind.UNKNOWN if odd else None
    if kind is Kind.PREFERRED_CONTACT and words.PHONE.search(said) and re.search(r"\b(number|no)\b", said):
        kind = Kind.PHONE
    if kind is Kind.EMAIL and written and words.OR_ELSE.search(said):
        return Kind.UNKNOWN
    if kind is Kind.PHONE and words.FAX.search(said) and not re.search(r"phone|\btel\b", said):
        return Kind.UNKNOWN
    if kind is Kind.PHONE and words.COUNTRY_CODE.search(said) and not re.search(r"\b(with|without|and|number)\b", said):
        return Kind.PHONE_COUNTRY
    if written and kind in (Kind.CITY, Kind.STATE, Kind.POSTAL_CODE, Kind.STREET) and _several(text):
        return Kind.UNKNOWN
    if kind in (Kind.FULL_NAME, Kind.FIRST_NAME, Kind.LAST_NAME):
        if words.OTHERS.search(said):
            return Kind.UNKNOWN
        whose = kind is not Kind.FULL_NAME or words.BOTH_NAMES.search(said)
        if not whose and not words.is_a_persons_name(short or said, label=written):
            return Kind.UNKNOWN
    return kind


def _several(text: str) -> bool:
    """ "City, State or Zip": one box for what we would put into three."""
    said = plain(re.sub(r"\([^)]*\)", " ", text))
    named = sum(bool(pattern.search(said)) for pattern in _PLACES)
    return named >= 3 or (named == 2 and bool(words.POSTAL_CODE.search(said) and words.CITY.search(said)))
