"""What boxes to tick and lists to choose from ask for: by their words, and lists by what they offer."""

from __future__ import annotations

import re

from webapp.automation.engine import words
from webapp.automation.engine.naming import SOURCES, Mapped, kind_of_text, said_by, token_of
from webapp.automation.engine.seen import Control, Kind
from webapp.automation.engine.words import plain

_MONTHS = frozenset("jan feb mar apr may jun jul aug sep oct nov dec".split())
_STATES = frozenset(
    "alabama alaska arizona arkansas california colorado connecticut florida georgia idaho illinois indiana iowa kansas kentucky "
    "louisiana maine maryland michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania "
    "tennessee texas utah vermont virginia washington wisconsin wyoming ontario quebec alberta manitoba saskatchewan".split()
)
_CODES = frozenset(
    "al ak az ar ca co ct de fl ga id il ia ks ky la me md mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy".split()
)
_COUNTRIES = frozenset(
    "afghanistan albania algeria argentina australia austria belgium brazil bulgaria canada chile china colombia denmark egypt finland "
    "france germany greece hungary india indonesia ireland israel italy japan mexico netherlands norway poland portugal russia spain "
    "sweden switzerland turkey ukraine deutschland osterreich schweiz espana francia alemania italia belgique suisse frankreich".split()
)
_DIAL = re.compile(r"\+\s?\d{1,4}\b(?![:.]\d)")
_WAYS = re.compile(
    r"\b(e ?mail|phone|call|text|sms|telephone|telefono|telefon|correo|whats ?app|mail|post|either|any)\b"
)
_CALL = re.compile(r"\b(phone|call|text|sms|telephone|telefono|telefon|whats ?app)\b")
_YEAR = re.compile(r"^(19[5-9]\d|20[0-4]\d)$")
_NEWUSED = frozenset("new used pre owned preowned certified cpo demo".split())


def listed(control: Control) -> Mapped:
    """A list's kind: what its options are is surer than its words, where they can tell."""
    token = token_of(control)
    if token:
        return Mapped(token, "autocomplete", 0.98, control.autocomplete)
    said = (
        " ".join(plain(control.texts.get(s, "")) for s in ("label", "aria", "before", "placeholder"))
        + " "
        + plain(control.name)
    )
    offered = [plain(one.label) for one in control.options if one.label]
    by_options = _offered(offered, said, [one.label for one in control.options])
    if by_options:
        return Mapped(by_options, "options", 0.9, " | ".join(one.label for one in control.options[:4])[:80])
    unless = {
        Kind.EMAIL,
        Kind.MESSAGE,
        Kind.FULL_NAME,
        Kind.FIRST_NAME,
        Kind.LAST_NAME,
        Kind.PHONE,
        Kind.CAPTCHA,
        Kind.STREET,
    }
    for source, trust in SOURCES:
        text = said_by(control, source)
        kind = kind_of_text(text, source) if text and source != "after" else None
        if kind is Kind.SUBJECT and words.SALUTATION.search(" ".join([said, *offered[:4]])):
            return Mapped(Kind.UNKNOWN, source, 0.8, "a form of address")
        if kind in unless:
            continue
        if kind:
            return Mapped(kind, source, trust, text[:80])
    first = offered[0] if offered else ""
    kind = kind_of_text(first) if first and len(first) < 40 else None
    if kind and kind not in unless:
        return Mapped(kind, "options", 0.6, first)
    return Mapped(Kind.UNKNOWN, "rule", 0.0, "nothing names it")


def _offered(offered: list[str], said: str, raw: list[str]) -> Kind | None:
    if len(offered) < 2:
        return None
    if sum(bool(_DIAL.search(one)) for one in raw) * 2 > len(raw):
        return (
            Kind.COUNTRY
            if words.COUNTRY.search(said) and not re.search(r"\b(code|phone|tel\w*|dial)\b", said)
            else Kind.PHONE_COUNTRY
        )
    bodies = [one for one in offered if one]
    if sum(one in _STATES for one in bodies) >= 8 or (sum(one in _CODES for one in bodies) >= 20):
        return Kind.STATE
    if sum(bool(set(one.split()) & _COUNTRIES) for one in bodies) >= 6 and len(bodies) > 8:
        return Kind.COUNTRY
    if sum(one[:3] in _MONTHS for one in bodies) >= 10:
        return Kind.DATE
    years = sum(bool(_YEAR.match(one)) for one in bodies)
    if years >= 5 and years * 2 > len(bodies):
        return Kind.DATE if re.search(r"\b(card|expir|birth|dob)\w*", said) else Kind.VEHICLE_YEAR
    if (
        len(bodies) <= 6
        and sum(bool(_WAYS.search(one)) for one in bodies) >= 2
        and any(_CALL.search(one) for one in bodies)
    ):
        return Kind.PREFERRED_CONTACT
    if len(bodies) <= 6 and sum(bool(set(one.split()) & _NEWUSED) for one in bodies) >= 2:
        return Kind.VEHICLE_CONDITION
    return None


def box(control: Control) -> Mapped:
    """A checkbox's or radio button's kind: consent is told from texting and from advertising by what it says."""
    texts = control.texts
    own = next((texts[s] for s in ("label", "aria", "after", "title") if texts.get(s)), "") or texts.get("before", "")
    asked = texts.get("heading", "") or texts.get("before", "")
    said, question, named = plain(own), plain(asked), plain(f"{control.name} {control.id}")
    if control.type == "radio":
        if words.PREFERRED_CONTACT.search(question) or words.PREFERRED_CONTACT.search(named):
            return Mapped(Kind.PREFERRED_CONTACT, "heading", 0.9, asked[:80])
        if words.VEHICLE_CONDITION.search(question) or (
            words.VEHICLE_CONDITION.search(named) and set(said.split()) & _NEWUSED
        ):
            return Mapped(Kind.VEHICLE_CONDITION, "heading", 0.8, asked[:80])
        if words.SUBJECT.search(question):
            return Mapped(Kind.SUBJECT, "heading", 0.6, asked[:80])
        return Mapped(Kind.UNKNOWN, "rule", 0.0, asked[:80])
    if words.PREFERRED_CONTACT.search(question) and _WAYS.search(said) and len(said) < 40:
        return Mapped(Kind.PREFERRED_CONTACT, "heading", 0.8, asked[:80])
    terms = words.TERMS.search(said) or (words.TERMS.search(named) and not words.MARKETING.search(said))
    advertises = words.ADVERTISING.search(said)
    if words.SMS.search(said) and (terms or re.search(r"\b(receive|send|get|opt|contact|yes)\b", said)):
        return Mapped(Kind.SMS_CONSENT, "label", 0.9, own[:80])
    if terms and words.STRICT.search(said) and not advertises:
        return Mapped(Kind.CONSENT, "label", 0.9, own[:80])
    if advertises or words.MARKETING.search(said) or (words.MARKETING.search(named) and not terms):
        return Mapped(Kind.MARKETING, "label", 0.85, own[:80])
    if terms or words.CONTACT_ME.search(said):
        return Mapped(Kind.CONSENT, "label", 0.85, own[:80])
    return Mapped(Kind.UNKNOWN, "rule", 0.0, own[:80])
