"""Calls in: deliveries from any dialer, in any order, any number of times."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from webapp.core.db import LostRace, atomic, db
from webapp.core.sets import as_document
from webapp.dialer import event_sql
from webapp.dialer.aftermath import CONSEQUENTIAL, settle_leads
from webapp.dialer.events import normal_phone, parse_event
from webapp.dialer.fold import apply_calls
from webapp.dialer.models import CallEvent
from webapp.dialer.results import is_human
from webapp.dialer.rules import Call, is_from_the_future, merge

log = structlog.get_logger(__name__)
MAX_BATCH = 1000
CallKey = tuple[str, str]  # provider, the provider's call id


@dataclass(slots=True)
class Outcome:
    """What became of one delivery: applied, stale, duplicate, or quarantined with the reason."""

    event_id: str
    outcome: str
    reason: str = ""
    call_log_id: int | None = None
    lead_id: int | None = None


@dataclass(slots=True)
class _Delivery:
    event: dict[str, Any]
    row_id: int
    outcome: Outcome
    waiting: bool = False  # came out of quarantine


@atomic(retry=3)
def record_events(
    company_id: int, events: list[dict[str, Any]], *, source: str = "api", import_id: int | None = None
) -> list[Outcome]:
    """Take up to 1,000 parsed deliveries (`events.parse_event`) in one transaction; one Outcome each, in order.

    The calls and leads end as if every event had come once and in order. What cannot be placed is kept in
    quarantine, and applied by itself when its call becomes known.
    """
    if len(events) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} events a batch")
    if not events:
        return []
    now = _open(company_id)
    outcomes, fresh, repeats = _store(company_id, _with_own_campaigns(company_id, events))
    if fresh:
        _place(company_id, fresh, now, import_id)
    if repeats:  # at the end: rows of events that others brought are not held while we wait for leads
        event_sql.REPEATED(company=company_id, doc=as_document(repeats))
    counts: dict[str, int] = defaultdict(int)
    for outcome in outcomes:
        counts[outcome.outcome] += 1
    log.info("call_events_recorded", source=source, **counts)
    return outcomes


def _place(company_id: int, fresh: list[_Delivery], now: _Now, import_id: int | None) -> None:
    owner = _find_owners(company_id, fresh, now.country)
    groups: dict[CallKey, list[_Delivery]] = defaultdict(list)
    for delivery in fresh:
        groups[_key(delivery)].append(delivery)
    _quarantine(groups, owner, now.at)
    if groups:
        _apply(company_id, groups, owner, now, import_id)


def _apply(
    company_id: int,
    groups: dict[CallKey, list[_Delivery]],
    owner: dict[CallKey, int],
    now: _Now,
    import_id: int | None = None,
) -> None:
    """Write the calls whose lead is known, with what waited for them, and bring those leads up to date."""
    wanted = set(owner.values())
    if set(event_sql.LOCK(ids=sorted(wanted)).scalars()) != wanted:
        raise LostRace("a lead was removed meanwhile")
    known = _read_calls(company_id, groups, owner)
    if any(row.lead_id != owner[key] for key, row in known.items()):
        raise LostRace("a call was made for another lead meanwhile")
    deltas = _write_calls(company_id, groups, owner, known, now, import_id)
    moves = apply_calls(deltas)
    told = {d.event["disposition"] for group in groups.values() for d in group}
    if moves & CONSEQUENTIAL or told & CONSEQUENTIAL:
        settle_leads(company_id, sorted(deltas))
    _close_events(company_id, groups, owner)


@atomic(retry=3)
def place_events(company_id: int, rows: list[CallEvent], *, lead_id: int | None = None) -> int:
    """Try quarantined deliveries again: as that lead's, or for whom they name now; what else waits for the same
    calls goes with them. Returns how many calls found their lead; the rest stays where it is.
    """
    now = _open(company_id)
    db.session.scalars(
        sa.select(CallEvent.id).where(CallEvent.id.in_([row.id for row in rows])).with_for_update()
    ).all()
    events = _with_own_campaigns(company_id, [parse_event(row.payload) for row in rows])
    deliveries = [
        _Delivery(event, row.id, Outcome(row.event_id, ""), waiting=True)
        for event, row in zip(events, rows, strict=True)
        if row.settled_at is None and not is_from_the_future(event, now.at)
    ]
    owner = _find_owners(company_id, deliveries, now.country, given=lead_id)
    groups: dict[CallKey, list[_Delivery]] = {key: [] for key in owner}
    reasons = {row.id: row.reason for row in rows}
    for delivery in deliveries:
        if _key(delivery) in owner and not reasons[delivery.row_id].startswith("unknown"):
            groups[_key(delivery)].append(delivery)  # the others are found with what waits for the call
    if owner:
        _apply(company_id, groups, owner, now)
    return len(owner)


@dataclass(frozen=True, slots=True)
class _Now:
    at: datetime
    country: str


def _open(company_id: int) -> _Now:
    row = event_sql.OPEN(company=company_id).one()
    return _Now(row.now, row.country)


def _with_own_campaigns(company_id: int, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Campaigns that are not the company's are left out of the call; the payload still tells them."""
    named = {event["campaign_id"] for event in events} - {None}
    if not named:
        return events
    own = set(event_sql.CAMPAIGNS(company=company_id, ids=sorted(named)).scalars())
    return [event if event["campaign_id"] in own else event | {"campaign_id": None} for event in events]


def _key(delivery: _Delivery) -> CallKey:
    return delivery.event["provider"], delivery.event["call_id"]


_STORED = ("provider", "event_id", "call_id", "type", "occurred_at", "payload")


def _store(
    company_id: int, events: list[dict[str, Any]]
) -> tuple[list[Outcome], list[_Delivery], list[dict[str, Any]]]:
    """Keep every delivery; those whose id is known are duplicates, to be counted on the first one's row."""
    outcomes = [Outcome(event["event_id"], "duplicate") for event in events]
    first: dict[tuple[str, str], int] = {}
    repeats: dict[tuple[str, str], int] = defaultdict(int)
    for index, event in enumerate(events):
        key = (event["provider"], event["event_id"])
        if key in first:
            repeats[key] += 1
        else:
            first[key] = index
    order = sorted(first)
    chosen = ({name: events[first[key]][name] for name in _STORED} for key in order)
    stored = event_sql.STORE(company=company_id, doc=as_document(chosen)).all()
    ids = {(row.provider, row.event_id): row.id for row in stored}
    for key in order:
        if key not in ids:
            repeats[key] += 1
    again = [{"provider": key[0], "event_id": key[1], "times": times} for key, times in sorted(repeats.items())]
    fresh = [_Delivery(events[first[key]], ids[key], outcomes[first[key]]) for key in order if key in ids]
    return outcomes, fresh, again


def _find_owners(
    company_id: int, deliveries: list[_Delivery], country: str, *, given: int | None = None
) -> dict[CallKey, int]:
    """The lead of each call: the call's own when it is known, else `given`, else by the id or the phone that a delivery names."""
    named = (
        dict(zip(("provider", "call_id", "lead_id"), (*_key(d), d.event["lead_id"]), strict=True)) for d in deliveries
    )
    known: dict[CallKey, int] = {}
    by_id: dict[CallKey, int] = {}
    for row in event_sql.OWNERS(company=company_id, doc=as_document(named)):
        key = (row.provider, row.call_id)
        if row.call_lead is not None:
            known[key] = row.call_lead
        elif row.named_lead is not None:
            by_id.setdefault(key, row.named_lead)
    if given is not None:
        return {_key(d): known.get(_key(d), given) for d in deliveries}
    homeless = [d for d in deliveries if _key(d) not in known and _key(d) not in by_id and not d.event["lead_id"]]
    return _find_by_phone(company_id, homeless, country) | by_id | known


def _find_by_phone(company_id: int, deliveries: list[_Delivery], country: str) -> dict[CallKey, int]:
    """Of several leads with one phone: the campaign's, then an active list's, then the newest."""
    phones = {
        _key(d): (phone, d.event["campaign_id"])
        for d in deliveries
        if (phone := normal_phone(d.event["phone"], country))
    }
    if not phones:
        return {}
    by_phone: dict[str, list[Any]] = defaultdict(list)
    for row in event_sql.BY_PHONE(company=company_id, phones=sorted({phone for phone, _ in phones.values()})):
        by_phone[row.phone].append(row)
    return {
        key: max(
            by_phone[phone], key=lambda r: (r.dial_campaign_id == campaign is not None, r.active, r.lead_id)
        ).lead_id
        for key, (phone, campaign) in phones.items()
        if phone in by_phone
    }


def _quarantine(groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int], received_at: datetime) -> None:
    """Set aside what has no lead, or claims to come from tomorrow; drops those groups."""
    aside: dict[int, str] = {}
    for key in list(groups):
        late = [d for d in groups[key] if is_from_the_future(d.event, received_at)]
        for delivery in late:
            delivery.outcome.reason = "its time lies more than a day in the future"
        if key not in owner:
            for delivery in groups[key]:
                named = delivery.event["lead_id"] or delivery.event["phone"]
                delivery.outcome.reason = delivery.outcome.reason or (
                    "unknown lead" if named else "unknown call, and no lead named"
                )
            late = groups[key]
        for delivery in late:
            delivery.outcome.outcome = "quarantined"
            aside[delivery.row_id] = delivery.outcome.reason
        groups[key] = [d for d in groups[key] if d.row_id not in aside]
        if not groups[key]:
            del groups[key]
            owner.pop(key, None)
    if aside:
        event_sql.ASIDE(doc=as_document({"id": row_id, "reason": reason} for row_id, reason in aside.items()))


def _read_calls(
    company_id: int, groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int]
) -> dict[CallKey, Any]:
    """The calls that exist; deliveries which waited in quarantine for one of these join its group."""
    wanted = as_document({"provider": provider, "call_id": call_id} for provider, call_id in sorted(owner))
    known: dict[CallKey, Any] = {}
    for row in event_sql.CALLS(company=company_id, doc=wanted):
        key = (row.provider, row.call_id)
        if row.id is not None:
            known[key] = row
        for kept in row.events or ():
            event = _with_own_campaigns(company_id, [parse_event(kept["payload"])])[0]
            groups[key].append(_Delivery(event, kept["id"], Outcome(kept["event_id"], ""), waiting=True))
    return known


def _write_calls(
    company_id: int, groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int], known: dict[CallKey, Any],
    now: _Now, import_id: int | None,
) -> dict[int, tuple[int, int]]:  # fmt: skip
    """Merge each group into its call and write all of them; returns per lead the dials and answers that are new."""
    deltas: dict[int, tuple[int, int]] = {}
    rows: list[dict[str, Any]] = []
    for key in sorted(groups):
        row = known.get(key)
        before = Call(**{name: getattr(row, name) for name in event_sql.FACTS}) if row is not None else None
        call = before
        for delivery in groups[key]:
            event = delivery.event | {"phone": normal_phone(delivery.event["phone"], now.country)}
            call, delivery.outcome.outcome = merge(call, event, now.at)
            delivery.outcome.lead_id = owner[key]
        if call is None or call == before:
            continue
        lead_id = row.lead_id if row is not None else owner[key]
        dials, answers = deltas.get(lead_id, (0, 0))
        answered = is_human(call.call_status, call.disposition) - (
            is_human(before.call_status, before.disposition) if before else 0
        )
        deltas[lead_id] = (dials + (before is None), answers + answered)
        facts = {name: getattr(call, name) for name in event_sql.FACTS}
        rows.append({"lead_id": lead_id, "provider": key[0], "provider_call_id": key[1], **facts})
    if rows:
        made = event_sql.UPSERT(company=company_id, import_id=import_id, doc=as_document(rows)).scalar_one()
        if made != sum(dials for dials, _ in deltas.values()):
            raise LostRace("a call was made meanwhile")
    return deltas


def _close_events(company_id: int, groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int]) -> None:
    """Write what became of each delivery, with the call it went into."""
    done = [
        {"id": d.row_id, "outcome": d.outcome.outcome, "lead_id": owner[key], "provider": key[0], "call_id": key[1],
         "waiting": d.waiting}
        for key, group in groups.items() for d in group
    ]  # fmt: skip
    call_of = {row.id: row.call_log_id for row in event_sql.CLOSE(company=company_id, doc=as_document(done))}
    for group in groups.values():
        for delivery in group:
            delivery.outcome.call_log_id = call_of.get(delivery.row_id)
