"""Leads handed out of the hopper: claimed once, with a token and a lease, kept alive, given back, or taken from the evidence.

Never two claims of one lead or one phone: the entry is taken with SKIP LOCKED and the rules are read again in the same
statement; a try-lock on the phone and a unique index on the phones in hand stand behind it. Every later write names the token.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.db import LostRace, Prepared, atomic, db
from webapp.dialer import eligible
from webapp.dialer.aftermath import settle_leads
from webapp.dialer.eligible import CAP_SQL, ONE_JOINS_SQL, ONE_SQL
from webapp.dialer.filling import fill_hopper
from webapp.dialer.fold import apply_calls
from webapp.dialer.lanes import Lanes
from webapp.dialer.models import DialCampaign, HopperEntry
from webapp.leads.models import Lead

log = structlog.get_logger(__name__)
LEASE = timedelta(minutes=10)
TRIES = 50  # entries looked at for one claim
MOST = 8  # claims of one transaction
PATIENCE = 0.25  # seconds to wait for the thread in front before claiming alone

Key = tuple[int, int, int | None]  # company, campaign, agent


class ClaimLost(Exception):
    """The token no longer holds a lead: the lease ran out, or the claim was given back."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A lead in hand. Whoever holds the token speaks for it until `lease_until`."""

    token: str
    entry_id: int
    lead_id: int
    campaign_id: int
    phone: str
    source: str
    lease_until: datetime


# One look for `many` claims: the first entries that nobody else is taking, judged again, each one's phone try-locked, and claimed.
# The outer LIMIT tells the planner how few they are, the inner one does not: so the plan for any number is kept and not made anew.
_CLAIM = Prepared(
    f"""
    WITH picked AS (
      SELECT first.*, row_number() OVER () AS place FROM (
        SELECT h.id, h.lead_id FROM hopper_entries h JOIN leads there ON there.id = h.lead_id
        JOIN dial_campaigns its ON its.id = h.campaign_id AND its.active
        WHERE h.campaign_id = %(campaign)s AND h.company_id = %(company)s AND h.status = 'ready' AND h.id <> ALL(%(seen)s::bigint[])
          AND (h.agent_id IS NULL OR h.agent_id = %(agent)s::bigint) AND calling_now(there.zone, its.windows, its.holidays)
        ORDER BY h.priority DESC, h.id LIMIT (SELECT %(many)s::int) FOR UPDATE OF h SKIP LOCKED
      ) first LIMIT {MOST}
    ), {CAP_SQL}, judged AS (
      SELECT p.id, p.place, l.phone, dc.active, CASE
          WHEN (SELECT true FROM hopper_entries o WHERE o.company_id = l.company_id AND o.phone = l.phone AND o.status <> 'ready')
            THEN 'phone_in_use'
          ELSE {ONE_SQL} END AS reason
      FROM picked p JOIN leads l ON l.id = p.lead_id {ONE_JOINS_SQL} CROSS JOIN cap WHERE dc.id = %(campaign)s
    ), chosen AS (
      SELECT DISTINCT ON (phone) id, place, phone FROM judged WHERE reason IS NULL AND active ORDER BY phone, place
    ), taken AS (
      UPDATE hopper_entries h SET status = 'locked', phone = c.phone, claim_token = (%(tokens)s::text[])[c.place],
        locked_by_id = %(agent)s::bigint, locked_at = rebound_now(), lease_until = rebound_now() + (%(leases)s::interval[])[c.place]
      FROM chosen c WHERE h.id = c.id AND pg_try_advisory_xact_lock(hashtextextended(c.phone, %(company)s))
      RETURNING h.id, h.lead_id, h.campaign_id, h.phone, h.source, h.lease_until, h.claim_token
    )
    SELECT p.id AS picked_id, j.id IS NOT NULL AS known, j.reason, t.*
    FROM picked p LEFT JOIN judged j ON j.id = p.id LEFT JOIN taken t ON t.id = p.id
    """
)
_DROP = Prepared("DELETE FROM hopper_entries WHERE id = ANY(%(ids)s::bigint[]) AND status = 'ready'")


def claim_next(
    company_id: int, campaign_id: int, *, by: User | None = None, lease: timedelta = LEASE, fill: bool = True
) -> Claim | None:
    """Hand out the next lead that may be dialed now; None when there is none. Raises LookupError.

    An empty hopper is filled once on the way. Entries that may not be dialed any more leave it; those that only wait for
    their hour, or whose phone is in somebody's hand, stay. Claims of one process at the same moment share a transaction,
    but for those inside another's.
    """
    key = (company_id, campaign_id, by.id if by else None)
    claim = _ask(key, lease)
    if claim is None and find_owned(DialCampaign, campaign_id, company_id) is None:
        raise LookupError("No such campaign")
    if claim is None and fill and fill_hopper(company_id, campaign_id):
        claim = _ask(key, lease)
    return claim


def _ask(key: Key, lease: timedelta) -> Claim | None:
    if db.session().info.get("atomic"):  # that transaction's own
        return _claim(key, [lease])[0]
    return _lanes.ask(key, lease, patience=PATIENCE)


def _claim(key: Key, leases: Sequence[timedelta]) -> list[Claim | None]:
    """One for each lease; those that get none have None."""
    for _ in range(5):
        try:
            return _claim_once(*key, leases)
        except IntegrityError as error:
            # Somebody took a twin's phone between our look and our write; look again.
            if "uq_hopper_entries_phone" not in str(error.orig):
                raise
            if db.session().info.get("atomic"):  # that transaction is lost as a whole: whoever began it may ask again
                raise LostRace("somebody took the phone meanwhile") from None
    return [None] * len(leases)


_lanes = Lanes(_claim, MOST, prepare=lambda: db.session.connection())


@atomic(retry=3)
def _claim_once(
    company_id: int, campaign_id: int, agent_id: int | None, leases: Sequence[timedelta]
) -> list[Claim | None]:
    asked = {secrets.token_urlsafe(24): lease for lease in leases}
    claims: dict[str, Claim | None] = dict.fromkeys(asked)
    seen: list[int] = []
    gone: list[int] = []
    while asked and len(seen) < TRIES:
        rows = _CLAIM(
            company=company_id, campaign=campaign_id, agent=agent_id, seen=seen, many=len(asked), tokens=list(asked),
            leases=list(asked.values()),
        ).all()  # fmt: skip
        if not rows:
            break
        for row in rows:
            if row.id is not None:
                claims[row.claim_token] = Claim(
                    row.claim_token, row.id, row.lead_id, row.campaign_id, row.phone, row.source, row.lease_until
                )
                del asked[row.claim_token]
                continue
            seen.append(row.picked_id)
            stays = row.reason is None or row.reason == "phone_in_use" or eligible.REASONS[row.reason].temporary
            if not row.known or not stays:
                gone.append(row.picked_id)
    if gone:
        _DROP(ids=gone)
    return list(claims.values())


_HELD = Prepared(
    """
    UPDATE hopper_entries SET lease_until = rebound_now() + %(lease)s::interval
    WHERE claim_token = %(token)s AND company_id = %(company)s AND status <> 'ready' RETURNING lease_until
    """
)


@atomic
def heartbeat(company_id: int, token: str, *, lease: timedelta = LEASE) -> datetime:
    """The lease runs anew from now; returns its end. Raises ClaimLost."""
    until = _HELD(company=company_id, token=token, lease=lease).scalar()
    if until is None:
        raise ClaimLost
    return until


_RELEASE = Prepared(
    """
    UPDATE hopper_entries SET status = 'ready', claim_token = NULL, locked_by_id = NULL, locked_at = NULL, lease_until = NULL
    WHERE claim_token = %(token)s AND company_id = %(company)s AND status <> 'ready'
      AND NOT EXISTS (SELECT FROM call_logs c WHERE c.lead_id = hopper_entries.lead_id AND c.is_open)
    RETURNING id
    """
)


@atomic
def release(company_id: int, token: str) -> None:
    """Give the lead back, uncounted; it stands where it stood. Raises ClaimLost, also while its call is going on."""
    if _RELEASE(company=company_id, token=token).scalar() is None:
        raise ClaimLost


def find_claim(company_id: int, token: str) -> HopperEntry | None:
    query = sa.select(HopperEntry).where(
        HopperEntry.company_id == company_id, HopperEntry.claim_token == token, HopperEntry.status != "ready"
    )
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def hold(company_id: int, token: str, *, by: User | None = None) -> HopperEntry:
    """The claimed entry with its lead locked, the lead first as the sweep does; with `by` only in that agent's hand.

    Raises ClaimLost.
    """
    entry = _held(company_id, token, by)
    db.session.execute(sa.select(Lead.id).where(Lead.id == entry.lead_id).with_for_update())
    return _held(company_id, token, by)


def _held(company_id: int, token: str, by: User | None) -> HopperEntry:
    entry = find_claim(company_id, token)
    if entry is None or (by is not None and entry.locked_by_id != by.id):
        raise ClaimLost
    return entry


def find_claim_of(user: User) -> HopperEntry | None:
    """What this agent has in hand, in any browser."""
    query = sa.select(HopperEntry).where(
        HopperEntry.company_id == user.company_id, HopperEntry.locked_by_id == user.id, HopperEntry.status != "ready"
    )
    return db.session.scalars(query.order_by(HopperEntry.locked_at.desc()).limit(1)).first()


@atomic
def finish(company_id: int, token: str) -> None:
    """The lead has its result: the claim ends. Raises ClaimLost."""
    done = db.session.execute(
        sa.delete(HopperEntry)
        .where(HopperEntry.company_id == company_id, HopperEntry.claim_token == token, HopperEntry.status != "ready")
        .returning(HopperEntry.id)
    ).scalar()
    if done is None:
        raise ClaimLost


# --- expired leases ------------------------------------------------------------------------------------------------

_EXPIRED = sa.text(
    """
    SELECT h.id, h.lead_id, h.claim_token, h.lease_until, h.locked_at, h.locked_by_id,
           c.id AS call_id, c.is_open, c.human
    FROM hopper_entries h LEFT JOIN LATERAL (
      SELECT c.id, c.is_open, c.human FROM call_logs c
      WHERE c.lead_id = h.lead_id AND (c.is_open OR c.created_at >= h.locked_at) ORDER BY c.is_open DESC, c.started_at DESC, c.id DESC LIMIT 1
    ) c ON true
    WHERE h.company_id = :company AND h.status <> 'ready' AND h.lease_until < rebound_now() ORDER BY h.lead_id LIMIT 500
    """
)
_BACK = sa.text(
    """
    UPDATE hopper_entries SET status = 'ready', claim_token = NULL, locked_by_id = NULL, locked_at = NULL, lease_until = NULL
    WHERE id = :id AND claim_token = :token AND lease_until = :until AND status <> 'ready' RETURNING id
    """
)
_TAKEN_OUT = sa.text(
    "DELETE FROM hopper_entries WHERE id = :id AND claim_token = :token AND lease_until = :until AND status <> 'ready' RETURNING id"
)
_CLOSE = sa.text(
    """
    UPDATE call_logs SET call_status = 'unknown', ended_at = greatest(started_at, answered_at), needs_review = true,
      agent_id = coalesce(agent_id, CAST(:agent AS bigint))
    WHERE id = :call AND is_open RETURNING id
    """
)


def sweep_claims(company_id: int) -> dict[str, int]:
    """Each minute: claims whose lease ran out, each by what is known of it, how many by outcome.

    Without a call since the claim the lead goes back, uncounted (`back`). With an unfinished call the call is closed as unknown,
    counted once, listed for review (`closed`). With a finished one the claim just ends (`done`). Written only if nothing has
    changed since it was read: a heartbeat or a result that came between wins.
    """
    counts = {"back": 0, "closed": 0, "done": 0}
    rows = db.session.execute(_EXPIRED, {"company": company_id}).all()
    db.session.rollback()
    for row in rows:
        outcome = _sweep_one(company_id, row)
        if outcome:
            counts[outcome] += 1
    if any(counts.values()):
        log.warning("claims_swept", company_id=company_id, **counts)
    return counts


@atomic(retry=3)
def _sweep_one(company_id: int, row: Any) -> str | None:
    db.session.execute(sa.text("SELECT id FROM leads WHERE id = :id FOR UPDATE"), {"id": row.lead_id})
    seen = {"id": row.id, "token": row.claim_token, "until": row.lease_until}
    if row.call_id is None:
        # A call made between the look and the lock speaks for itself: look again in a minute.
        if db.session.scalar(
            sa.text("SELECT 1 FROM call_logs WHERE lead_id = :id AND (is_open OR created_at >= :since) LIMIT 1"),
            {"id": row.lead_id, "since": row.locked_at},
        ):
            return None
        return "back" if db.session.execute(_BACK, seen).scalar() else None
    if not db.session.execute(_TAKEN_OUT, seen).scalar():
        return None
    if not row.is_open:
        return "done"
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
    closed = db.session.execute(_CLOSE, {"call": row.call_id, "agent": row.locked_by_id}).scalar()
    if closed:
        apply_calls({row.lead_id: (0, -1 if row.human else 0)})
        settle_leads(company_id, [row.lead_id])
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', '', true)"))
    return "closed" if closed else "done"
