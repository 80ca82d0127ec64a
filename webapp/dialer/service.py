"""Calls in: deliveries from any dialer, in any order, any number of times."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.sets import as_rows, as_table
from webapp.dialer.aftermath import settle_leads
from webapp.dialer.events import normal_phone, parse_event
from webapp.dialer.fold import apply_calls
from webapp.dialer.models import CallEvent, CallLog, DialCampaign
from webapp.dialer.results import is_human
from webapp.dialer.rules import Call, is_from_the_future, merge
from webapp.leads.models import Lead, LeadList, LeadSearch

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


@atomic
def record_events(company_id: int, events: list[dict[str, Any]], *, source: str = "api", import_id: int | None = None) -> list[Outcome]:
    """Take up to 1,000 parsed deliveries (`events.parse_event`) in one transaction; one Outcome each, in order.

    The calls and leads end as if every event had come once and in order. What cannot be placed is kept in
    quarantine, and applied by itself when its call becomes known.
    """
    if len(events) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} events a batch")
    if not events:
        return []
    received_at: datetime = db.session.scalar(sa.select(db_now()))  # type: ignore[assignment]
    events = _with_own_campaigns(company_id, events)
    outcomes, fresh = _store(company_id, events)
    if not fresh:
        return outcomes
    keys = {(d.event["provider"], d.event["call_id"]) for d in fresh}
    calls = _find_calls(company_id, keys)
    leads = _find_leads(company_id, [d for d in fresh if _key(d) not in calls])
    groups: dict[CallKey, list[_Delivery]] = defaultdict(list)
    for delivery in fresh:
        groups[_key(delivery)].append(delivery)
    owner = {key: row.lead_id for key, row in calls.items()}
    for key, group in groups.items():
        if key not in owner:
            found = next((lead for d in group if (lead := leads.get(d.row_id)) is not None), None)
            if found is not None:
                owner[key] = found
    _quarantine(groups, owner, received_at)
    _apply(company_id, groups, owner, received_at, source, import_id)
    counts: dict[str, int] = defaultdict(int)
    for outcome in outcomes:
        counts[outcome.outcome] += 1
    log.info("call_events_recorded", source=source, **counts)
    return outcomes


def _apply(
    company_id: int, groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int], received_at: datetime, source: str,
    import_id: int | None = None,
) -> None:  # fmt: skip
    """Write the calls whose lead is known, with what waited for them, and bring those leads up to date."""
    _lock_leads(set(owner.values()))
    known = _find_calls(company_id, set(owner), lock=True)  # again, now that nobody else can move them
    for key, waiting in _find_waiting(company_id, set(owner)).items():
        groups[key] += waiting
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
    deltas = _write_calls(company_id, groups, owner, known, received_at, source, import_id)
    apply_calls(deltas)
    settle_leads(company_id, sorted(deltas))
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', '', true)"))
    _close_events(groups, owner)


@atomic
def place_events(company_id: int, rows: list[CallEvent], *, lead_id: int | None = None) -> int:
    """Try quarantined deliveries again: as that lead's, or for whom they name now; what else waits for the same
    calls goes with them. Returns how many calls found their lead; the rest stays where it is.
    """
    received_at: datetime = db.session.scalar(sa.select(db_now()))  # type: ignore[assignment]
    db.session.scalars(sa.select(CallEvent.id).where(CallEvent.id.in_([row.id for row in rows])).with_for_update()).all()
    events = _with_own_campaigns(company_id, [parse_event(row.payload) for row in rows])
    deliveries = [
        _Delivery(event, row.id, Outcome(row.event_id, ""), waiting=True)
        for event, row in zip(events, rows, strict=True)
        if row.settled_at is None and not is_from_the_future(event, received_at)
    ]
    calls = _find_calls(company_id, {_key(delivery) for delivery in deliveries})
    leads = {} if lead_id else _find_leads(company_id, [d for d in deliveries if _key(d) not in calls])
    groups: dict[CallKey, list[_Delivery]] = defaultdict(list)
    owner: dict[CallKey, int] = {}
    reasons = {row.id: row.reason for row in rows}
    for delivery in deliveries:
        key = _key(delivery)
        lead = calls[key].lead_id if key in calls else lead_id or leads.get(delivery.row_id)
        if lead is None:
            continue
        owner.setdefault(key, lead)
        if not reasons[delivery.row_id].startswith("unknown"):  # the others are found with what waits for the call
            groups[key].append(delivery)
    if owner:
        _apply(company_id, groups, owner, received_at, "quarantine")
    return len(owner)


def _with_own_campaigns(company_id: int, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Campaigns that are not the company's are left out of the call; the payload still tells them."""
    named = {event["campaign_id"] for event in events} - {None}
    if not named:
        return events
    own = set(
        db.session.scalars(sa.select(DialCampaign.id).where(DialCampaign.company_id == company_id, DialCampaign.id.in_(named)))
    )
    return [event if event["campaign_id"] in own else event | {"campaign_id": None} for event in events]


def _key(delivery: _Delivery) -> CallKey:
    return delivery.event["provider"], delivery.event["call_id"]


_STORED = ("provider", "event_id", "call_id", "type", "occurred_at")


def _store(company_id: int, events: list[dict[str, Any]]) -> tuple[list[Outcome], list[_Delivery]]:
    """Keep every delivery; those whose id is known are duplicates, counted on the first one's row."""
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
    chosen = [events[first[key]] for key in order]
    given = as_table(
        [(*row, json.dumps(e["payload"], default=str)) for e, row in zip(chosen, as_rows(chosen, _STORED), strict=True)],
        provider="text", event_id="text", call_id="text", type="text", occurred_at="time", payload="text",
    )  # fmt: skip
    stored = db.session.execute(
        insert(CallEvent)
        .from_select(
            ["company_id", "provider", "event_id", "provider_call_id", "type", "occurred_at", "payload", "outcome"],
            sa.select(
                sa.literal(company_id), given.c.provider, given.c.event_id, given.c.call_id, given.c.type,
                given.c.occurred_at, sa.cast(given.c.payload, JSONB), sa.literal("quarantined"),
            ),
        )  # fmt: skip
        .on_conflict_do_nothing(index_elements=["company_id", "provider", "event_id"])
        .returning(CallEvent.id, CallEvent.provider, CallEvent.event_id)
    ).all()
    ids = {(row.provider, row.event_id): row.id for row in stored}
    for key in order:
        if key not in ids:
            repeats[key] += 1
    if repeats:
        again = as_table(
            [(*key, times) for key, times in sorted(repeats.items())], provider="text", event_id="text", times="int"
        )
        db.session.execute(
            sa.update(CallEvent)
            .where(
                CallEvent.company_id == company_id, CallEvent.provider == again.c.provider,
                CallEvent.event_id == again.c.event_id,
            )  # fmt: skip
            .values(duplicates=CallEvent.duplicates + again.c.times)
            .execution_options(synchronize_session=False)
        )
    fresh = [_Delivery(events[first[key]], ids[key], outcomes[first[key]]) for key in order if key in ids]
    return outcomes, fresh


def _find_calls(company_id: int, keys: set[CallKey], *, lock: bool = False) -> dict[CallKey, Any]:
    if not keys:
        return {}
    t = CallLog.__table__.c
    wanted = as_table(sorted(keys), provider="text", call_id="text")
    query = sa.select(
        t.id, t.lead_id, t.provider, t.provider_call_id, t.call_status, t.started_at, t.answered_at, t.ended_at,
        t.disposition, t.disposition_at, t.duration, t.recording_filename.label("recording"), t.notes,
        t.agent_name.label("agent"), t.phone, t.campaign_id, t.callback_at,
    ).join(wanted, sa.and_(t.provider == wanted.c.provider, t.provider_call_id == wanted.c.call_id)).where(t.company_id == company_id)  # fmt: skip
    if lock:
        query = query.with_for_update(of=CallLog.__table__)
    return {(row.provider, row.provider_call_id): row for row in db.session.execute(query)}


def _find_leads(company_id: int, deliveries: list[_Delivery]) -> dict[int, int]:
    """Event row id -> lead id, by the id given or else by the phone, within the company."""
    ids = {d.event["lead_id"] for d in deliveries if d.event["lead_id"]}
    found: dict[int, int] = {}
    if ids:
        real = set(db.session.scalars(sa.select(Lead.id).where(Lead.company_id == company_id, Lead.id == sa.any_(_ids(ids)))))
        found = {d.row_id: d.event["lead_id"] for d in deliveries if d.event["lead_id"] in real}
    phones = {d.row_id: normal_phone(d.event["phone"]) for d in deliveries if not d.event["lead_id"] and d.event["phone"]}
    wanted = {phone for phone in phones.values() if phone}
    if wanted:
        rows = db.session.execute(
            sa.select(LeadSearch.phone, LeadSearch.lead_id, LeadList.dial_campaign_id, LeadList.active)
            .join(LeadList, LeadList.id == LeadSearch.list_id)
            .where(LeadSearch.company_id == company_id, LeadSearch.phone.in_(wanted))
        ).all()
        campaigns = {d.row_id: d.event["campaign_id"] for d in deliveries}
        by_phone: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            by_phone[row.phone].append(row)
        for row_id, phone in phones.items():
            choices = by_phone.get(phone or "", [])
            if choices:
                best = max(choices, key=lambda r: (r.dial_campaign_id == campaigns[row_id] is not None, r.active, r.lead_id))
                found[row_id] = best.lead_id
    return found


def _ids(ids: set[int]) -> Any:
    return sa.cast(sa.bindparam(None, sorted(ids), ARRAY(sa.BigInteger), unique=True), ARRAY(sa.BigInteger))


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
                delivery.outcome.reason = delivery.outcome.reason or ("unknown lead" if named else "unknown call, and no lead named")
            late = groups[key]
        for delivery in late:
            delivery.outcome.outcome = "quarantined"
            aside[delivery.row_id] = delivery.outcome.reason
        groups[key] = [d for d in groups[key] if d.row_id not in aside]
        if not groups[key]:
            del groups[key]
            owner.pop(key, None)
    if aside:
        given = as_table(aside.items(), id="id", reason="text")
        db.session.execute(
            sa.update(CallEvent).where(CallEvent.id == given.c.id).values(reason=given.c.reason)
            .execution_options(synchronize_session=False)
        )  # fmt: skip


def _lock_leads(lead_ids: set[int]) -> None:
    db.session.execute(sa.select(Lead.id).where(Lead.id == sa.any_(_ids(lead_ids))).order_by(Lead.id).with_for_update())


def _find_waiting(company_id: int, keys: set[CallKey]) -> dict[CallKey, list[_Delivery]]:
    """Quarantined deliveries of calls that are known now."""
    if not keys:
        return {}
    wanted = as_table(sorted(keys), provider="text", call_id="text")
    e = CallEvent.__table__.c
    rows = db.session.execute(
        sa.select(e.id, e.provider, e.provider_call_id, e.event_id, e.payload)
        .join(wanted, sa.and_(e.provider == wanted.c.provider, e.provider_call_id == wanted.c.call_id))
        .where(e.company_id == company_id, e.outcome == "quarantined", e.settled_at.is_(None), e.reason.like("unknown%"))
        .order_by(e.id)
    )
    found: dict[CallKey, list[_Delivery]] = defaultdict(list)
    for row in rows:
        event = _with_own_campaigns(company_id, [parse_event(row.payload)])[0]
        found[(row.provider, row.provider_call_id)].append(_Delivery(event, row.id, Outcome(row.event_id, ""), waiting=True))
    return found


_COLUMN = {"recording": "recording_filename", "agent": "agent_name"}
_FACTS = tuple(field.name for field in fields(Call))


def _write_calls(
    company_id: int, groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int], known: dict[CallKey, Any],
    received_at: datetime, source: str, import_id: int | None,
) -> dict[int, tuple[int, int]]:  # fmt: skip
    """Merge each group into its call and write all of them; returns per lead the dials and answers that are new."""
    deltas: dict[int, tuple[int, int]] = {}
    rows: list[dict[str, Any]] = []
    for key in sorted(groups):
        row = known.get(key)
        before = Call(**{name: getattr(row, name) for name in _FACTS}) if row is not None else None
        call = before
        for delivery in groups[key]:
            event = delivery.event | {"phone": normal_phone(delivery.event["phone"])}
            call, delivery.outcome.outcome = merge(call, event, received_at)
            delivery.outcome.lead_id = owner[key]
        if call is None or call == before:
            continue
        lead_id = row.lead_id if row is not None else owner[key]
        dials, answers = deltas.get(lead_id, (0, 0))
        answered = is_human(call.call_status, call.disposition) - (is_human(before.call_status, before.disposition) if before else 0)
        deltas[lead_id] = (dials + (before is None), answers + answered)
        facts = {_COLUMN.get(name, name): getattr(call, name) for name in _FACTS}
        rows.append({"company_id": company_id, "lead_id": lead_id, "provider": key[0], "provider_call_id": key[1],
                     "import_id": import_id, **facts})  # fmt: skip
    if rows:
        _upsert_calls(rows)
    return deltas


_KINDS = {
    "company_id": "id", "lead_id": "id", "campaign_id": "id", "import_id": "id", "duration": "int", "started_at": "time",
    "answered_at": "time", "ended_at": "time", "disposition_at": "time", "callback_at": "time",
}  # fmt: skip


def _upsert_calls(rows: list[dict[str, Any]]) -> None:
    names = tuple(rows[0])
    given = as_table(as_rows(rows, names), **{name: _KINDS.get(name, "text") for name in names})
    statement = insert(CallLog).from_select(list(names), sa.select(*given.c))
    facts = {name: statement.excluded[name] for name in names if name in {_COLUMN.get(fact, fact) for fact in _FACTS}}
    db.session.execute(
        statement.on_conflict_do_update(index_elements=["company_id", "provider", "provider_call_id"], set_=facts)
    )


def _close_events(groups: dict[CallKey, list[_Delivery]], owner: dict[CallKey, int]) -> None:
    """Write what became of each delivery, with the call it went into."""
    done = [(d.row_id, d.outcome.outcome, owner[key], *key, d.waiting) for key, group in groups.items() for d in group]
    if not done:
        return
    given = as_table(done, id="id", outcome="text", lead_id="id", provider="text", call_id="text", waiting="bool")
    rows = db.session.execute(
        sa.update(CallEvent)
        .where(
            CallEvent.id == given.c.id, CallLog.company_id == CallEvent.company_id, CallLog.provider == given.c.provider,
            CallLog.provider_call_id == given.c.call_id,
        )  # fmt: skip
        .values(
            outcome=given.c.outcome, reason="", lead_id=given.c.lead_id, call_log_id=CallLog.id,
            settled_at=sa.case((given.c.waiting, db_now()), else_=None),
        )  # fmt: skip
        .returning(CallEvent.id, CallLog.id.label("call_log_id"))
        .execution_options(synchronize_session=False)
    )
    call_of = {row.id: row.call_log_id for row in rows}
    for group in groups.values():
        for delivery in group:
            delivery.outcome.call_log_id = call_of.get(delivery.row_id)
