"""What each control of a form asks for, with where that was read and how sure it is. Pure: facts in, kinds out.

Phone in two boxes: PHONE_AREA and PHONE_LINE, the line then takes all seven digits; in three: PHONE_AREA, PHONE_PREFIX, PHONE_LINE.
"""

from __future__ import annotations

import re
from dataclasses import replace

from webapp.automation.engine import choices, honeypots, neighbours, words
from webapp.automation.engine.naming import SOURCES, Mapped, kind_of_text, said_by, token_of
from webapp.automation.engine.seen import Control, FormSeen, Kind
from webapp.automation.engine.words import plain

__all__ = ["Mapped", "map_fields"]

CAPTCHA_NAMES = re.compile(
    r"captcha|cf-turnstile|frc-captcha|^recaptcha_|\bv_?code\b|turing|human_?verif|verify_?(code|number|image)|sec(urity)?_?code",
    re.I,
)
NAMES = (Kind.FIRST_NAME, Kind.LAST_NAME, Kind.MIDDLE_NAME)
PARTS = (
    *NAMES,
    Kind.STREET_2,
    Kind.CITY,
    Kind.STATE,
    Kind.POSTAL_CODE,
    Kind.COUNTRY,
    Kind.PHONE_AREA,
    Kind.PHONE_EXTENSION,
)


def map_fields(form: FormSeen) -> dict[str, Mapped]:
    """Every control's kind, by uid."""
    following = [*form.controls[1:], None]
    found = {one.uid: _alone(one, after) for one, after in zip(form.controls, following, strict=True)}
    neighbours.agree(form, found)
    return found


def _alone(control: Control, after: Control | None) -> Mapped:
    fixed = _fixed(control)
    if fixed:
        return fixed
    trap = honeypots.trap(control)
    if trap:
        return Mapped(Kind.HONEYPOT, "rule", 0.9, trap)
    if honeypots.out_of_sight(control):
        return Mapped(Kind.HIDDEN, "rule", 0.9, f"hidden: {control.why_hidden}")
    if control.type in ("checkbox", "radio", "switch"):
        return choices.box(control)
    if control.tag == "select" or control.type in ("combobox", "listbox"):
        return choices.listed(control)
    token = token_of(control)
    if token and not (token in (Kind.FULL_NAME, *NAMES) and _worded_otherwise(control, token)):
        return Mapped(token, "autocomplete", 0.98, control.autocomplete)
    if control.type == "email" and not _repeats(control):
        return Mapped(Kind.EMAIL, "type", 0.97, "type=email")
    return _by_words(control, after)


def _fixed(control: Control) -> Mapped | None:
    """Kinds that need no words."""
    if control.tag == "button":
        return Mapped(Kind.SUBMIT, "type", 1.0)
    if control.type == "hidden":
        return Mapped(Kind.HIDDEN, "type", 1.0)
    if any(CAPTCHA_NAMES.search(said) for said in (control.name, control.id)) or "captcha" in control.classes.lower():
        return Mapped(Kind.CAPTCHA, "name", 0.98, control.name or control.id)
    if control.type == "password":
        return Mapped(Kind.PASSWORD, "type", 1.0)
    if control.type == "file":
        return Mapped(Kind.FILE, "type", 1.0)
    if control.type in ("range", "color"):
        return Mapped(Kind.UNKNOWN, "type", 1.0)
    return None


def _worded_otherwise(control: Control, token: Kind) -> bool:
    """autocomplete=name on a box that says last name, or given-name on one that says full name, is a slip of the site."""
    said = (kind_of_text(control.texts.get(s, ""), s) for s in ("label", "aria", "placeholder"))
    kinds = {one for one in said if one in (Kind.FULL_NAME, *NAMES)}
    return bool(kinds) and token not in kinds


def _repeats(control: Control) -> bool:
    return any(
        words.CONFIRM.search(plain(said_by(control, s)))
        for s in ("label", "aria", "name", "placeholder", "before")
        if len(said_by(control, s)) < 60
    )


def _by_words(control: Control, after: Control | None) -> Mapped:
    found: Mapped | None = None
    for source, trust in SOURCES:
        text = said_by(control, source)
        if not text or (source == "after" and not _own(control, after, found)):
            continue
        kind = _fits(control, kind_of_text(text, source), source)
        if kind is None:
            continue
        if found is None:
            found = Mapped(kind, source, trust, text[:80])
        elif _narrower(found.kind, found.reason, kind, source, text):
            return Mapped(kind, source, trust, f"{found.reason}: {text[:60]}")
        if found.kind not in (Kind.FULL_NAME, Kind.STREET, Kind.PHONE, Kind.UNKNOWN):
            break
        if found.kind is Kind.UNKNOWN and found.source not in ("name", "id"):
            break
    if found and found.kind is Kind.EMAIL and _repeats(control):
        return replace(found, kind=Kind.CONFIRM_EMAIL)
    if found:
        return found
    if control.type == "email":
        return Mapped(Kind.CONFIRM_EMAIL, "type", 0.9, "type=email, to be repeated")
    if control.type == "tel":
        return Mapped(Kind.PHONE, "type", 0.6, "type=tel")
    if control.type in ("date", "time"):
        return Mapped(Kind.DATE if control.type == "date" else Kind.TIME, "type", 0.9)
    return Mapped(Kind.UNKNOWN, "rule", 0.0, "nothing names it")


def _narrower(held: Kind, label: str, kind: Kind, source: str, text: str) -> bool:
    """A group's label ("Name", "Address") over several boxes; a box's own word then says which part it is."""
    if held is Kind.UNKNOWN:
        return source in ("title", "after") and kind is not Kind.UNKNOWN
    if held is Kind.FULL_NAME:
        return kind in NAMES and not (source in ("name", "id") and words.BOTH_NAMES.search(plain(text)))
    if held is Kind.STREET:
        return words.WHOLE_ADDRESS.search(plain(label)) is not None and kind in (
            Kind.STREET_2,
            Kind.CITY,
            Kind.STATE,
            Kind.POSTAL_CODE,
            Kind.COUNTRY,
        )
    return held is Kind.PHONE and kind in (Kind.PHONE_AREA, Kind.PHONE_EXTENSION, Kind.PHONE_COUNTRY)


def _own(control: Control, after: Control | None, found: Mapped | None) -> bool:
    """Whether the words after a box are its own and not the next one's label: below it as part of a group, or its only words."""
    text = control.texts.get("after", "")
    theirs = after is not None and text in (after.texts.get("before"), after.texts.get("label"))
    if not any(control.texts.get(s) for s in ("label", "aria", "before", "placeholder", "over")):
        return not theirs or not (after and after.texts.get("after"))
    if found is None or found.kind not in (Kind.FULL_NAME, Kind.STREET, Kind.PHONE):
        return False
    if not theirs:
        return True
    beyond = kind_of_text(after.texts.get("after", ""), "after") if after else None
    return beyond in PARTS and kind_of_text(text, "after") in PARTS


def _fits(control: Control, kind: Kind | None, source: str) -> Kind | None:
    """A kind that this sort of control cannot be is left to the next source."""
    if kind is None:
        return None
    large = control.tag == "textarea" or control.type in ("editable", "textbox")
    if large and kind not in (Kind.MESSAGE, Kind.CAPTCHA, Kind.STREET, Kind.UNKNOWN):
        return Kind.MESSAGE if kind is Kind.SUBJECT else None
    if not large and kind is Kind.MESSAGE and not words.MESSAGE.search(plain(said_by(control, source))):
        return None
    if control.max_length == 1 and kind is not Kind.MIDDLE_NAME:
        return Kind.UNKNOWN
    return kind
