"""What the controls of a form tell of each other: a name beside a first name, a phone in three boxes, the one large box."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from webapp.automation.engine import words
from webapp.automation.engine.naming import Mapped, said_by
from webapp.automation.engine.seen import Control, FormSeen, Kind
from webapp.automation.engine.words import plain

TEXTY = frozenset({"text", "email", "tel", "number", "search", "url", "textarea", "editable", "textbox", "date", "time", "datetime-local", "month", "week"})  # fmt: skip
_ENQUIRY = re.compile(r"\binquir|\benquir|\breason\b|\bhelp\b|\brequest|\bcontact\b|\bsubject\b|\btopic\b")
_EITHER = re.compile(r"^((nombre|nome|nom|naam)\b ?)+$")  # a first name where the attribute says so
PERSONAL = (
    Kind.FULL_NAME,
    Kind.FIRST_NAME,
    Kind.LAST_NAME,
    Kind.EMAIL,
    Kind.CONFIRM_EMAIL,
    Kind.PHONE,
    Kind.COMPANY,
    Kind.POSTAL_CODE,
)
ASIDE = (Kind.HONEYPOT, Kind.HIDDEN, Kind.CAPTCHA, Kind.PASSWORD, Kind.SUBMIT)


def agree(form: FormSeen, found: dict[str, Mapped]) -> None:
    """Correct `found` in place."""
    texts = [c for c in form.controls if c.type in TEXTY and found[c.uid].kind not in ASIDE]
    _unlabelled(texts, found)
    _message(form, texts, found)
    _subject(form, texts, found)
    _names(texts, found)
    _phones(texts, found)
    _for_news(texts, found)
    _twice(texts, found)
    _recipients(texts, found)
    _alone_for_news(form, texts, found)


def _kinds(controls: Sequence[Control], found: dict[str, Mapped], *kinds: Kind) -> list[Control]:
    return [c for c in controls if found[c.uid].kind in kinds]


def _large(control: Control) -> bool:
    return control.tag == "textarea" or control.type in ("editable", "textbox")


def _message(form: FormSeen, texts: list[Control], found: dict[str, Mapped]) -> None:
    """A large box is a message only where a person writes to someone: not in a registration, and not a second one that says other things."""
    secret = _kinds(form.controls, found, Kind.PASSWORD)
    large = [c for c in texts if _large(c)]
    messages = _kinds(large, found, Kind.MESSAGE)
    unknown = [c for c in large if found[c.uid].kind is Kind.UNKNOWN and found[c.uid].confidence == 0.0]
    if secret:
        for one in messages:
            found[one.uid] = Mapped(Kind.UNKNOWN, "neighbours", 0.5, "a large box beside a password")
        return
    signed = _kinds(texts, found, Kind.EMAIL, Kind.PHONE, Kind.FULL_NAME, Kind.FIRST_NAME, Kind.LAST_NAME)
    if not messages and len(unknown) == 1 and len(large) == 1 and signed:
        found[unknown[0].uid] = Mapped(Kind.MESSAGE, "position", 0.7, "the only large box")
        messages = unknown
    if messages:
        for one in texts:
            if not _large(one) and found[one.uid].kind is Kind.MESSAGE:
                found[one.uid] = replace(found[one.uid], kind=Kind.UNKNOWN, confidence=0.3)
    named = [c for c in messages if words.MESSAGE.search(plain(found[c.uid].reason))]
    if len(messages) > 1 and 0 < len(named) < len(messages):
        for one in messages:
            if one not in named:
                found[one.uid] = replace(found[one.uid], kind=Kind.UNKNOWN, confidence=0.4)


def _subject(form: FormSeen, texts: list[Control], found: dict[str, Mapped]) -> None:
    """A subject goes with a message; a bare "title" is one only right beside it, else it is a form of address or a job's."""
    messages = _kinds(texts, found, Kind.MESSAGE)
    for one in _kinds(form.controls, found, Kind.SUBJECT):
        said = plain(found[one.uid].reason)
        if not messages:
            if one in texts or not _ENQUIRY.search(said):
                found[one.uid] = replace(found[one.uid], kind=Kind.UNKNOWN, confidence=0.3)
        elif one in texts and words.TITLE.search(said) and not words.SUBJECT.search(said):
            at = texts.index(one)
            if not any(c in messages for c in texts[at : at + 3]):
                found[one.uid] = replace(found[one.uid], kind=Kind.UNKNOWN, confidence=0.4)


def _names(texts: list[Control], found: dict[str, Mapped]) -> None:
    first, last, full = (_kinds(texts, found, k) for k in (Kind.FIRST_NAME, Kind.LAST_NAME, Kind.FULL_NAME))
    bare = [c for c in full if not words.BOTH_NAMES.search(plain(found[c.uid].reason))]
    if len(first) == 1 and not last and bare and _near(texts, first[0], bare[0]):
        found[bare[0].uid] = Mapped(Kind.LAST_NAME, "neighbours", 0.8, "a name beside a first name")
    elif len(last) == 1 and not first and bare and _near(texts, bare[0], last[0]):
        found[bare[0].uid] = Mapped(Kind.FIRST_NAME, "neighbours", 0.8, "a name beside a last name")
    elif len(first) == 1 and not last and found[first[0].uid].source in ("name", "id"):
        written = " ".join(plain(said_by(first[0], s)) for s in ("label", "aria", "placeholder", "before"))
        if words.FULL_NAME.search(written) and not words.FIRST_NAME.search(written) and not _EITHER.match(written):
            found[first[0].uid] = Mapped(Kind.FULL_NAME, "neighbours", 0.75, "a first name only by its name attribute")
    if len(first) == 2 and not last and _near(texts, first[0], first[1]):
        found[first[1].uid] = Mapped(Kind.LAST_NAME, "neighbours", 0.6, "the second of two equal neighbours")


def _near(texts: list[Control], one: Control, other: Control) -> bool:
    return abs(texts.index(one) - texts.index(other)) <= 2


def _phones(texts: list[Control], found: dict[str, Mapped]) -> None:
    taken: set[str] = set()
    for at, one in enumerate(texts):
        if found[one.uid].kind not in (Kind.PHONE, Kind.PHONE_AREA) or one.uid in taken:
            continue
        three = texts[at : at + 3]
        lengths = [c.max_length or 0 for c in three]
        if (
            len(three) == 3
            and lengths in ([3, 3, 4], [4, 4, 4], [3, 4, 4], [5, 4, 4])
            and all(_of_phone(c, found) for c in three)
        ):
            for part, kind in zip(three, (Kind.PHONE_AREA, Kind.PHONE_PREFIX, Kind.PHONE_LINE), strict=True):
                found[part.uid] = Mapped(kind, "neighbours", 0.85, "a phone in three boxes")
                taken.add(part.uid)
        elif found[one.uid].kind is Kind.PHONE_AREA and len(three) > 1 and found[three[1].uid].kind is Kind.PHONE:
            found[three[1].uid] = replace(
                found[three[1].uid], kind=Kind.PHONE_LINE, reason="the number beside an area code"
            )
            taken.add(three[1].uid)


def _of_phone(control: Control, found: dict[str, Mapped]) -> bool:
    return found[control.uid].kind in (Kind.PHONE, Kind.PHONE_AREA, Kind.PHONE_LINE, Kind.PHONE_PREFIX, Kind.UNKNOWN)


def _for_news(texts: list[Control], found: dict[str, Mapped]) -> None:
    """A newsletter's address box within a form that has one of its own, as where one form wraps the whole page, is left alone."""
    emails = _kinds(texts, found, Kind.EMAIL, Kind.CONFIRM_EMAIL)
    news = [c for c in emails if words.ADVERTISING.search(plain(f"{c.name} {c.id}"))]
    if len(news) < len(emails):
        for one in news:
            found[one.uid] = Mapped(Kind.MARKETING, "name", 0.8, one.name or one.id)


def _twice(texts: list[Control], found: dict[str, Mapped]) -> None:
    for one, other in pairwise(texts):
        kind = found[one.uid].kind
        if kind is not found[other.uid].kind:
            continue
        if kind is Kind.STREET:
            found[other.uid] = Mapped(Kind.STREET_2, "neighbours", 0.7, "a second address line")
        elif kind is Kind.EMAIL:
            found[other.uid] = Mapped(Kind.CONFIRM_EMAIL, "neighbours", 0.6, "a second email box")


def _recipients(texts: list[Control], found: dict[str, Mapped]) -> None:
    """Somebody else's address beside the sender's is none of ours to fill."""
    emails = _kinds(texts, found, Kind.EMAIL, Kind.CONFIRM_EMAIL)
    other = [
        c
        for c in emails
        if any(words.OTHERS.search(plain(said_by(c, s))) for s in ("name", "id", "label", "placeholder", "before"))
    ]
    if other and len(other) < len(emails):
        for one in emails:
            found[one.uid] = replace(
                found[one.uid],
                kind=Kind.UNKNOWN if one in other else Kind.EMAIL,
                reason="somebody else's" if one in other else "the sender's",
            )


def _unlabelled(texts: list[Control], found: dict[str, Mapped]) -> None:
    """One box without a word among boxes that all have some is not meant for people, unless it is demanded."""
    mute = [
        c
        for c in texts
        if not any(c.texts.get(s) for s in ("label", "aria", "placeholder", "before", "over", "after", "title"))
    ]
    if (
        len(mute) == 1
        and len(texts) >= 3
        and not mute[0].required
        and found[mute[0].uid].source in ("name", "id")
        and found[mute[0].uid].kind in PERSONAL
    ):
        found[mute[0].uid] = Mapped(Kind.UNKNOWN, "neighbours", 0.4, "the only box without a word")


def _alone_for_news(form: FormSeen, texts: list[Control], found: dict[str, Mapped]) -> None:
    if (
        len(texts) != 1
        or found[texts[0].uid].confidence
        or found[texts[0].uid].kind is not Kind.UNKNOWN
        or _large(texts[0])
    ):
        return
    said = plain(
        " ".join([texts[0].name, texts[0].id, form.id, form.name, form.classes, form.texts.get("heading", "")])
    )
    if words.ADVERTISING.search(said) and not _kinds(form.controls, found, Kind.PASSWORD):
        found[texts[0].uid] = Mapped(Kind.EMAIL, "position", 0.6, "the only box of a newsletter form")
