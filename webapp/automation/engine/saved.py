"""Mappings learned of a host's form: made, compared with the form of today, repaired by label where a field was renamed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal

from webapp.automation.engine.naming import Mapped
from webapp.automation.engine.outcome import SavedMapping
from webapp.automation.engine.seen import LEFT_ALONE, Control, FormSeen, Kind
from webapp.automation.engine.words import plain

_MADE = re.compile(r"[0-9a-f]{12,}|\d{5,}|(?<=[_-])[0-9a-z]*\d[0-9a-z]*\d[0-9a-z]{5,}", re.I)


@dataclass(frozen=True, slots=True)
class Fit:
    """`state` exact, repaired or broken; `mapped` to fill by (also when repaired); `changes` in words, `reason` when broken.

    `fixed`: by uid, the option or text that a person set for a control.
    """

    state: Literal["exact", "repaired", "broken"]
    mapped: dict[str, Mapped]
    changes: tuple[str, ...] = ()
    reason: str = ""
    fixed: dict[str, dict[str, str]] = field(default_factory=dict)


def _steady(text: str) -> str:
    """A name without the parts that a site makes anew at each visit."""
    return _MADE.sub("#", text)


def _fields(form: FormSeen) -> list[Control]:
    return [c for c in form.controls if c.tag != "button" and c.type != "hidden"]


def fingerprint(form: FormSeen) -> str:
    """Changes when a field is added, removed or renamed; not with values, order, options, tokens or generated ids."""
    facts = set()
    for one in _fields(form):
        called = _steady(one.name) or plain(label_of(one)) or _steady(one.id)
        facts.add(f"{one.tag}:{one.type if one.tag == 'input' else ''}:{called}")
    return hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest()[:24]


def label_of(control: Control) -> str:
    texts = control.texts
    order = (
        ("label", "aria", "after", "before")
        if control.type in ("checkbox", "radio")
        else ("label", "aria", "over", "before", "placeholder", "title")
    )
    return next((texts[source] for source in order if texts.get(source)), "")


def learn(form: FormSeen, mapped: dict[str, Mapped], contact_url: str) -> SavedMapping:
    fields: dict[str, dict[str, str]] = {}
    for one in _fields(form):
        kind = mapped[one.uid].kind
        if kind is Kind.HIDDEN and not one.required:
            continue
        said = {"kind": kind.value, "selector": one.selector, "label": label_of(one)[:120]}
        if one.required:
            said["required"] = "yes"
        fields.setdefault(one.key, said)
    return SavedMapping(contact_url, fingerprint(form), fields, form.selector)


def fit(form: FormSeen, mapped: dict[str, Mapped], saved: SavedMapping) -> Fit:
    """How a saved mapping suits the form of today. Its kinds win over the engine's where both know the control.

    Broken when a field that was required, or any field of a mapping that a person edited, is gone and nothing took its place.
    """
    now = dict(mapped)
    fixed: dict[str, dict[str, str]] = {}
    changes: list[str] = []
    missing: list[str] = []
    taken: set[str] = set()
    by_key: dict[str, list[Control]] = {}
    for one in _fields(form):
        by_key.setdefault(one.key, []).append(one)
    for key, said in saved.fields.items():
        kind = Kind(said["kind"])
        found = [one for one in by_key.get(key, []) if kind in LEFT_ALONE or not _shut(one, mapped, saved)]
        if not found:
            twin = _renamed(form, mapped, saved, said, kind, taken)
            if twin is None:
                if kind not in LEFT_ALONE:
                    lost = missing if saved.edited or said.get("required") else changes
                    lost.append(f'gone: "{said.get("label") or key}"')
                continue
            changes.append(f'"{said.get("label") or key}" is now {twin.key}')
            found = [twin]
        for one in found:
            taken.add(one.uid)
            now[one.uid] = Mapped(kind, "saved", 1.0, "set by a person" if saved.edited else "learned before")
            if said.get("option") or said.get("text"):
                fixed[one.uid] = {k: said[k] for k in ("option", "text") if said.get(k)}
    added = [
        one
        for one in _fields(form)
        if one.uid not in taken and mapped[one.uid].kind not in (Kind.HIDDEN, Kind.HONEYPOT)
    ]
    changes += [f'new: "{label_of(one) or one.key}"' for one in added if one.key not in saved.fields]
    if missing:
        return Fit("broken", now, tuple(changes), "; ".join(missing), fixed)
    if fingerprint(form) == saved.fingerprint and not changes:
        return Fit("exact", now, (), "", fixed)
    return Fit("repaired", now, tuple(changes) or ("fields changed",), "", fixed)


def _shut(control: Control, mapped: dict[str, Mapped], saved: SavedMapping) -> bool:
    """A field that has become a trap or gone out of sight since then; of one in sight a person's word stands."""
    kind = mapped[control.uid].kind
    return kind is Kind.HIDDEN or (kind is Kind.HONEYPOT and not (saved.edited and control.visible))


def _renamed(
    form: FormSeen, mapped: dict[str, Mapped], saved: SavedMapping, said: dict[str, str], kind: Kind, taken: set[str]
) -> Control | None:
    free = [
        c
        for c in _fields(form)
        if c.uid not in taken and c.key not in saved.fields and mapped[c.uid].kind is not Kind.HONEYPOT
    ]
    called = plain(said.get("label", ""))
    same = [c for c in free if called and plain(label_of(c)) == called]
    if len(same) == 1:
        return same[0]
    alike = [c for c in free if kind not in LEFT_ALONE and mapped[c.uid].kind is kind]
    return alike[0] if len(alike) == 1 else None
