"""What each control of a form asks for, with where that was read and how sure it is. Pure: facts in, kinds out.

Phone in two boxes: PHONE_AREA and PHONE_LINE, the line then takes all seven digits; in three: PHONE_AREA, PHONE_PREFIX, PHONE_LINE.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from webapp.automation.engine import choices, honeypots, words
from webapp.automation.engine.naming import AUTOCOMPLETE, SOURCES, Mapped, kind_of_text, said_by
from webapp.automation.engine.seen import Control, FormSeen, Kind
from webapp.automation.engine.words import plain

CAPTCHA_NAMES = re.compile(r"captcha|cf-turnstile|frc-captcha|^recaptcha_|\bvcode\b|\bturing", re.I)
TEXTY = frozenset({"text", "email", "tel", "number", "search", "url", "textarea", "editable", "textbox", "date", "time", "datetime-local", "month", "week"})  # fmt: skip
__all__ = ["Mapped", "map_fields"]


def map_fields(form: FormSeen) -> dict[str, Mapped]:
    """Every control's kind, by uid."""
    found = {one.uid: _alone(one) for one in form.controls}
    _neighbours(form, found)
    return found


def _alone(control: Control) -> Mapped:
    fixed = _fixed(control)
    if fixed:
        return fixed
    trap = honeypots.trap(control)
    if trap:
        return Mapped(Kind.HONEYPOT, "rule", 0.9, trap)
    if not control.visible and not control.proxied and control.why_hidden in honeypots.BY_ITSELF:
        return Mapped(Kind.HIDDEN, "rule", 0.9, f"hidden: {control.why_hidden}")
    if control.type in ("checkbox", "radio", "switch"):
        return choices.box(control)
    if control.tag == "select" or control.type in ("combobox", "listbox"):
        return choices.listed(control)
    token = next((AUTOCOMPLETE[t] for t in reversed(control.autocomplete.split()) if t in AUTOCOMPLETE), None)
    if token and not (token is Kind.FULL_NAME and _worded(control)):
        return Mapped(token, "autocomplete", 0.98, control.autocomplete)
    if control.type == "email":
        return Mapped(Kind.EMAIL, "type", 0.97, "type=email")
    return _by_words(control)


def _fixed(control: Control) -> Mapped | None:
    """Kinds that need no words."""
    if control.tag == "button":
        return Mapped(Kind.SUBMIT, "type", 1.0)
    if control.type == "hidden":
        return Mapped(Kind.HIDDEN, "type", 1.0)
    if CAPTCHA_NAMES.search(control.name) or CAPTCHA_NAMES.search(control.id) or "captcha" in control.classes.lower():
        return Mapped(Kind.CAPTCHA, "name", 0.98, control.name or control.id)
    if control.type == "password":
        return Mapped(Kind.PASSWORD, "type", 1.0)
    if control.type == "file":
        return Mapped(Kind.FILE, "type", 1.0)
    if control.type in ("range", "color"):
        return Mapped(Kind.UNKNOWN, "type", 1.0)
    return None


def _worded(control: Control) -> bool:
    """autocomplete=name on a box that says first or last name is a slip of the site."""
    said = plain(control.texts.get("label", "") or control.texts.get("placeholder", ""))
    return bool(words.FIRST_NAME.search(said) or words.LAST_NAME.search(said))


def _by_words(control: Control) -> Mapped:
    found: Mapped | None = None
    for source, trust in SOURCES:
        text = said_by(control, source)
        kind = kind_of_text(text) if text else None
        if kind is None:
            continue
        kind = _fits(control, kind)
        if kind is None:
            continue
        if found is None:
            found = Mapped(kind, source, trust, text[:80])
            if kind is not Kind.FULL_NAME:
                break
        elif kind in (Kind.FIRST_NAME, Kind.LAST_NAME, Kind.MIDDLE_NAME) and source in (
            "name",
            "id",
            "after",
            "placeholder",
        ):
            return Mapped(kind, source, trust, f"{found.reason}: {text[:60]}")
    if (
        found
        and found.kind is Kind.EMAIL
        and any(
            words.CONFIRM.search(plain(said_by(control, s)))
            for s in ("label", "aria", "name", "placeholder", "before")
            if said_by(control, s)
        )
    ):
        return replace(found, kind=Kind.CONFIRM_EMAIL)
    if found:
        return found
    if control.type == "tel":
        return Mapped(Kind.PHONE, "type", 0.6, "type=tel")
    if control.type == "date":
        return Mapped(Kind.DATE, "type", 0.9)
    if control.type == "time":
        return Mapped(Kind.TIME, "type", 0.9)
    return Mapped(Kind.UNKNOWN, "rule", 0.0, "nothing names it")


def _fits(control: Control, kind: Kind) -> Kind | None:
    """A kind that this sort of control cannot be is read on from the next source."""
    if control.tag == "textarea" and kind not in (Kind.MESSAGE, Kind.CAPTCHA, Kind.STREET, Kind.UNKNOWN):
        return Kind.MESSAGE if kind is Kind.SUBJECT else None
    if control.max_length == 1 and kind is not Kind.MIDDLE_NAME:
        return Kind.UNKNOWN
    return kind


def _neighbours(form: FormSeen, found: dict[str, Mapped]) -> None:
    texts = [
        c
        for c in form.controls
        if c.type in TEXTY and found[c.uid].kind not in (Kind.HONEYPOT, Kind.HIDDEN, Kind.CAPTCHA)
    ]
    _message(texts, found)
    _names(texts, found)
    _phones(texts, found)
    _twice(texts, found)


def _kinds(texts: list[Control], found: dict[str, Mapped], kind: Kind) -> list[Control]:
    return [c for c in texts if found[c.uid].kind is kind]


def _message(texts: list[Control], found: dict[str, Mapped]) -> None:
    areas = [c for c in texts if c.tag == "textarea" or c.type in ("editable",)]
    messages = [c for c in areas if found[c.uid].kind is Kind.MESSAGE]
    unknown = [c for c in areas if found[c.uid].kind is Kind.UNKNOWN and found[c.uid].confidence == 0.0]
    if not messages and len(unknown) == 1:
        found[unknown[0].uid] = Mapped(Kind.MESSAGE, "position", 0.7, "the only large box")
    if messages or unknown:
        for one in texts:
            if one.tag != "textarea" and found[one.uid].kind is Kind.MESSAGE:
                found[one.uid] = replace(found[one.uid], kind=Kind.UNKNOWN, confidence=0.3)


def _names(texts: list[Control], found: dict[str, Mapped]) -> None:
    first, last, full = (_kinds(texts, found, k) for k in (Kind.FIRST_NAME, Kind.LAST_NAME, Kind.FULL_NAME))
    if first and not last and full:
        found[full[0].uid] = Mapped(Kind.LAST_NAME, "neighbours", 0.8, "a name beside a first name")
    elif last and not first and full:
        found[full[0].uid] = Mapped(Kind.FIRST_NAME, "neighbours", 0.8, "a name beside a last name")


def _phones(texts: list[Control], found: dict[str, Mapped]) -> None:
    for at, one in enumerate(texts):
        if found[one.uid].kind is not Kind.PHONE:
            continue
        rest = texts[at : at + 3]
        short = [c for c in rest if c.max_length and c.max_length <= 4]
        if len(rest) == 3 and len(short) == 3 and [c.max_length for c in rest] in ([3, 3, 4], [3, 4, 4], [4, 4, 4]):
            for part, kind in zip(rest, (Kind.PHONE_AREA, Kind.PHONE_PREFIX, Kind.PHONE_LINE), strict=True):
                found[part.uid] = Mapped(kind, "neighbours", 0.85, "a phone in three boxes")


def _twice(texts: list[Control], found: dict[str, Mapped]) -> None:
    for one, other in pairwise(texts):
        kind = found[one.uid].kind
        if kind is not found[other.uid].kind:
            continue
        if kind is Kind.STREET:
            found[other.uid] = Mapped(Kind.STREET_2, "neighbours", 0.7, "a second address line")
        elif kind is Kind.EMAIL:
            found[other.uid] = Mapped(Kind.CONFIRM_EMAIL, "neighbours", 0.6, "a second email box")
