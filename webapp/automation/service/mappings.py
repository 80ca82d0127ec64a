"""What was learned of a host's form, version by version; a person's corrections win over the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.engine.outcome import Outcome, SavedMapping
from webapp.automation.engine.seen import Kind
from webapp.automation.models import AutomationAttempt, Dealership, FormMapping, Run
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import read_now
from webapp.core.db import LostRace, atomic, db

FIXED = 500  # characters of a text or an option that a person fixed


class MappingRefused(ValueError):
    """A correction that cannot be; the text says why."""


def find_mapping(company_id: int, host: str) -> FormMapping | None:
    """The newest version of this host's that is not retired."""
    query = sa.select(FormMapping).where(
        FormMapping.company_id == company_id, FormMapping.host == host, FormMapping.retired_at.is_(None)
    )
    return db.session.scalars(query.order_by(FormMapping.version.desc()).limit(1)).first()


def saved_for(company_id: int, host: str) -> SavedMapping | None:
    """What the engine goes by at this host. A form that was never filled says nothing of how it should be: it is read anew."""
    row = find_mapping(company_id, host)
    return as_saved(row) if row is not None and _is_proven(row) else None


def _is_proven(row: FormMapping) -> bool:
    """A person's, or of an attempt that went well; where that is no longer known, it is believed."""
    if row.learned_by == "person" or row.last_success_at is not None or row.attempt_id is None:
        return True
    attempt = db.session.get(AutomationAttempt, row.attempt_id)
    return attempt is None or attempt.status == "success"


def as_saved(row: FormMapping) -> SavedMapping:
    return SavedMapping(
        row.contact_url, row.fingerprint, row.fields, row.form, f"v{row.version}", row.learned_by == "person"
    )


def learn(run: Run, dealership: Dealership, attempt: AutomationAttempt, outcome: Outcome) -> FormMapping | None:
    """Keep what an attempt learned, in the transaction in hand: a new version only when the form or its fields differ.

    What a person corrected stays while its form does; a form that did not take the enquiry teaches nothing, but its fields are
    kept for the mapping page when the host has none yet, or none that was ever proven.
    """
    known = find_mapping(run.company_id, dealership.host)
    found = outcome.learned
    if found is None:
        return known if outcome.strategy == "saved_mapping" else None
    proven = known is not None and _is_proven(known)
    same = (
        known is not None
        and known.fingerprint == found.fingerprint
        and (proven or _kinds(known.fields) == _kinds(found.fields))
    )
    if known is not None and (same or (proven and not outcome.ok)):
        if outcome.ok and not run.dry_run:
            known.last_success_at = read_now()
        if outcome.ok or known.attempt_id is None or not proven:
            known.attempt_id = attempt.id
        return known
    row = FormMapping(
        company_id=run.company_id, host=dealership.host, version=_next_version(run.company_id, dealership.host),
        contact_url=found.contact_url[:2000], fingerprint=found.fingerprint, form=found.form, fields=dict(found.fields),
        attempt_id=attempt.id, last_success_at=read_now() if outcome.ok and not run.dry_run else None,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def _kinds(fields: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return sorted(str(one.get("kind")) for one in fields.values())


def _next_version(company_id: int, host: str) -> int:
    """Two lanes never hold one host, and a person saves under the lock of the newest version."""
    query = sa.select(sa.func.coalesce(sa.func.max(FormMapping.version), 0)).where(
        FormMapping.company_id == company_id, FormMapping.host == host
    )
    return int(db.session.scalar(query) or 0) + 1


@atomic
def correct(
    mapping_id: int, fields: Mapping[str, Mapping[str, Any]], *, contact_url: str, version: int, by: User
) -> FormMapping:
    """A person's correction becomes the host's newest version; `version` is the one they saw.

    `fields`: control key to "kind", and "text" or "option" to fix what goes in. Raises LookupError, LostRace, MappingRefused.
    """
    row = find_owned(FormMapping, mapping_id, by.company_id, lock=True)
    if row is None:
        raise LookupError("No such mapping")
    newest = find_mapping(by.company_id, row.host)
    if newest is None or newest.id != row.id or row.version != version:
        raise LostRace("the mapping was changed meanwhile")
    changed = {
        key: _correct_field(key, dict(row.fields[key]), given) for key, given in fields.items() if key in row.fields
    }
    merged = {**row.fields, **changed}
    if merged == row.fields and contact_url == row.contact_url:
        return row
    made = FormMapping(
        company_id=by.company_id, host=row.host, version=_next_version(by.company_id, row.host), contact_url=contact_url[:2000],
        fingerprint=row.fingerprint, form=row.form, fields=merged, learned_by="person", user_id=by.id, attempt_id=row.attempt_id,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()
    record_event(
        "form_mapping_corrected",
        f"Corrected the form mapping of {row.host}",
        by=by,
        subject=made,
        fields=sorted(changed),
    )
    return made


def _correct_field(key: str, old: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(given.get("kind", old.get("kind", "")))
    if kind not in set(Kind):
        raise MappingRefused(f"{key}: choose one of the kinds.")
    kept = {name: value for name, value in old.items() if name not in ("text", "option")} | {"kind": kind}
    for name in ("text", "option"):
        words = str(given.get(name) or "").replace("\x00", "").strip()
        if len(words) > FIXED:
            raise MappingRefused(f"{key}: at most {FIXED} characters.")
        if words:
            kept[name] = words
    return kept


@atomic
def forget(mapping_id: int, *, by: User) -> None:
    """The host's form is read anew at the next attempt; the versions stay to be looked at. Raises LookupError."""
    row = find_owned(FormMapping, mapping_id, by.company_id, lock=True)
    if row is None:
        raise LookupError("No such mapping")
    db.session.execute(
        sa.update(FormMapping)
        .where(FormMapping.company_id == by.company_id, FormMapping.host == row.host, FormMapping.retired_at.is_(None))
        .values(retired_at=read_now())
    )
    record_event("form_mapping_forgotten", f"Forgot the form mapping of {row.host}", by=by, subject=row)
