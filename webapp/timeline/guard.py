"""The one door of outreach: whoever contacts a lead locks its people first, looks again, and writes before it acts.

Two leads with the same phone or email are the same person here. Locks are taken in one order (people's keys,
then leads by id), so no two callers wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from webapp.accounts.models import Company
from webapp.core.clock import db_now
from webapp.core.db import LostRace, db
from webapp.timeline.queries.blocks import find_blocks
from webapp.timeline.queries.known import find_known
from webapp.timeline.rules import Decision, Known, Limits, decide
from webapp.timeline.settings import get_limits

MOST_AT_ONCE = 200  # leads of one transaction: each takes up to two of the database's shared lock slots


@dataclass(frozen=True, slots=True)
class Seen:
    """A lead as the guard saw it, locked."""

    id: int
    status: str | None
    zone: str
    owner_id: int | None
    list_id: int


@dataclass(frozen=True, slots=True)
class Look:
    """What the guard found at one moment: `now` is the database's, `known` and `decisions` are by lead."""

    now: datetime
    limits: Limits
    leads: dict[int, Seen]
    known: dict[int, list[Known]]
    decisions: dict[int, Decision]


def _key(company_id: int, kind: str, value: str) -> int:
    digest = hashlib.blake2b(f"{company_id}:{kind}:{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


_PEOPLE = sa.text("SELECT id, phone, lower(email) AS email FROM leads WHERE company_id = :company AND id = ANY(:ids)")


def lock_people(company_id: int, lead_ids: Sequence[int]) -> None:
    """Hold these leads, and everyone who shares their phones and emails, until the transaction ends.

    Raises LostRace when a lead changed its phone or email, or went, while this waited: try again.
    """
    ids = sorted(set(lead_ids))
    given = {"company": company_id, "ids": ids}
    before = {row.id: (row.phone, row.email) for row in db.session.execute(_PEOPLE, given)}
    keys = {_key(company_id, "phone", phone) for phone, _ in before.values() if phone}
    keys |= {_key(company_id, "email", email) for _, email in before.values() if email}
    if keys:
        db.session.execute(
            sa.text("SELECT pg_advisory_xact_lock(k) FROM (SELECT unnest(CAST(:keys AS bigint[])) AS k) AS held"),
            {"keys": sorted(keys)},
        )
    locked = db.session.execute(sa.text(f"{_PEOPLE.text} ORDER BY id FOR NO KEY UPDATE"), given)
    if {row.id: (row.phone, row.email) for row in locked} != before:
        raise LostRace("a lead's phone or email was changed meanwhile")


_LEADS = sa.text(
    """
    SELECT l.id, l.status, coalesce(l.zone, :zone) AS zone, l.owner_id, l.list_id
    FROM leads l WHERE l.company_id = :company AND l.id = ANY(:ids)
    """
)


def look(company_id: int, lead_ids: Sequence[int], method: str, *, automatic: bool = False, without: str = "") -> Look:
    """Judge a contact by this method, now, for each of these leads of the company. Without a lock it is a preview.

    `without` names a contact ("contact-12") that is left out: the planned one that is about to be made.
    """
    ids = list(lead_ids)
    now, zone = db.session.execute(sa.select(db_now(), Company.zone).where(Company.id == company_id)).one()
    limits = get_limits(company_id)
    rows = db.session.execute(_LEADS, {"company": company_id, "ids": ids, "zone": zone})
    leads = {row.id: Seen(*row) for row in rows}
    known = find_known(company_id, ids, limits)
    blocks = find_blocks(company_id, ids)
    if without:
        known = {lead_id: [k for k in found if k.key != without] for lead_id, found in known.items()}
    decisions = {
        lead_id: decide(
            method, now, known.get(lead_id, []), blocks.get(lead_id, []), limits, zone=seen.zone, automatic=automatic
        )
        for lead_id, seen in leads.items()
    }
    return Look(now, limits, leads, known, decisions)
