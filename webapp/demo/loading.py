"""The demo company's rows: what all leads hang on, then the leads in chunks with all that is theirs."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.models import Company, User
from webapp.core.audit import StatusChange, record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.work import step
from webapp.demo.calls import Calendar, Story, make_story
from webapp.demo.copying import copy_rows, reserve_ids
from webapp.demo.messages import Message, follow_up_of, make_messages
from webapp.demo.models import DemoLoad
from webapp.demo.people import make_person
from webapp.demo.places import NUMBERS, area_codes
from webapp.demo.plan import LISTS, Plan, make_plan
from webapp.demo.words import TEAM
from webapp.dialer.models import Callback, CallLog, DialCampaign, RecycleRule
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.models import Lead, LeadList
from webapp.timeline.models import ContactAttempt, DncEntry
from webapp.timeline.summary import recount

CHUNK = 2500
PROVIDER = "demo"
WEEKDAYS = {str(day): ["09:00", "18:00"] for day in range(5)}
SCRIPT = """Good day {first_name}, this is {agent} of Northside Supply. I am calling {business} because you run your own shop in {city}.

Who decides about suppliers at your place?
What do you pay for it today, and what annoys you about it?
May I send you two prices and call you again on a day that suits you?"""
CAMPAIGNS: tuple[dict[str, Any], ...] = (
    {"name": "Autumn outreach", "windows": WEEKDAYS | {"5": ["10:00", "14:00"], "6": None}, "dials_per_pass": 8,
     "lifetime_dials": 20, "hopper_level": 60, "script": SCRIPT},
    {"name": "Local services", "windows": WEEKDAYS | {"5": None, "6": None}, "dials_per_pass": 6, "lifetime_dials": 15,
     "hopper_level": 40, "lead_order": "newest_first", "script": SCRIPT},
)  # fmt: skip
_PERSON = (
    "first_name", "last_name", "business", "title", "phone", "extension", "email", "website", "linkedin_url", "city", "state",
    "postal_code", "country", "zone", "source", "tags", "custom",
)  # fmt: skip
_FACTS = (
    "created_at", "status", "last_status_change", "anchor_status", "anchor_at", "last_dial_attempt", "dial_result",
    "dial_attempts", "answered_count", "call_count", "last_result_at", "pass_dials", "next_eligible_at",
    "last_call_contact_at", "call_contacts",
)  # fmt: skip
_CALL = (
    "call_status", "disposition", "disposition_at", "callback_at", "started_at", "answered_at", "ended_at", "duration", "notes",
)  # fmt: skip


def plan_of(row: DemoLoad) -> Plan:
    return make_plan(row.params["seed"], row.params["scale"])


def calendar_of(row: DemoLoad) -> Calendar:
    """Fixed to the moment the loading was asked for, so that each of its chunks tells the same story."""
    years = {row.created_at.year, row.created_at.year - 1}
    return Calendar(row.created_at, tuple(day for year in years for day in holidays(year)))


def holidays(year: int) -> list[date]:
    first = date(year, 11, 1)
    thanksgiving = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
    return [date(year, 1, 1), date(year, 7, 4), thanksgiving, date(year, 12, 25)]


@atomic
def set_up(row: DemoLoad) -> None:
    """Users, campaigns with their rules, lists; their ids go into the work row."""
    company = db.session.get_one(Company, row.company_id)
    calendar = calendar_of(row)
    users = [_make_user(company, name, role) for name, role, _, _ in TEAM]
    year = row.created_at.year
    closed = [day.isoformat() for day in [*holidays(year), *holidays(year + 1)] if day >= row.created_at.date()]
    campaigns = []
    for facts in CAMPAIGNS:
        name = _free_name(DialCampaign, company.id, facts["name"])
        campaign = DialCampaign(company_id=company.id, is_demo=True, holidays=closed, **(facts | {"name": name}))
        campaign.created_at = calendar.imported_at(LISTS[0].age_days)
        db.session.add(campaign)
        campaigns.append(campaign)
    db.session.flush()
    for campaign in campaigns:
        db.session.add_all(
            RecycleRule(company_id=company.id, campaign_id=campaign.id, status=status,
                        delay_seconds=int(delay.total_seconds()), redials=redials)
            for status, (delay, redials) in DEFAULT_RULES.items()
        )  # fmt: skip
    lists = []
    for entry in LISTS:
        found = LeadList(
            company_id=company.id, name=_free_name(LeadList, company.id, entry.name), is_demo=True, weight=entry.weight,
            dial_campaign_id=campaigns[entry.campaign].id,
        )  # fmt: skip
        found.created_at = calendar.imported_at(entry.age_days)
        db.session.add(found)
        lists.append(found)
    company.demo_loaded_at = row.created_at  # from here on it is labelled, also when it stays incomplete
    db.session.flush()
    plan = plan_of(row)
    ids = {
        "users": [u.id for u in users],
        "campaigns": [c.id for c in campaigns],
        "lists": [entry.id for entry in lists],
    }
    step(row, total=plan.leads, params={**row.params, **ids}, message="Lists and campaigns are there; adding leads.")


def _make_user(company: Company, name: str, role: str) -> User:
    """Without a password nobody can sign in as one. A user left by an earlier removal comes back."""
    email = f"{name.lower().replace(' ', '.')}.demo{company.id}@example.com"
    statement = insert(User).values(
        company_id=company.id, email=email, name=name, role=role, preferences={"demo": True}
    )
    user_id = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[sa.text("lower(email)")],
            set_={"deactivated_at": None},
            where=(User.company_id == company.id) & (User.preferences["demo"].as_boolean()),
        ).returning(User.id)
    ).scalar_one()
    return db.session.get_one(User, user_id, populate_existing=True)


def _free_name(model: Any, company_id: int, wanted: str) -> str:
    taken = set(db.session.scalars(sa.select(sa.func.lower(model.name)).where(model.company_id == company_id)))
    choices = [wanted, f"{wanted} (demo)", *(f"{wanted} (demo {n})" for n in range(2, len(taken) + 3))]
    return next(name for name in choices if name.lower() not in taken)


@atomic
def load_chunk(row: DemoLoad) -> None:
    """The next leads with their calls, ledger, callbacks and do-not-contact entries, and the progress."""
    plan, calendar = plan_of(row), calendar_of(row)
    first = row.position
    indexes = range(first, min(first + CHUNK, plan.leads))
    people = [make_person(plan, index) for index in indexes]
    stories = [make_story(plan, index, who["zone"], calendar) for index, who in zip(indexes, people, strict=True)]
    messages = [
        make_messages(plan, index, who, story, calendar)
        for index, who, story in zip(indexes, people, stories, strict=True)
    ]
    lead_ids = reserve_ids(Lead.__table__, len(stories))
    call_ids = iter(reserve_ids(CallLog.__table__, sum(len(story.calls) for story in stories)))
    calls_of = [[next(call_ids) for _ in story.calls] for story in stories]
    # The leads come with the counts their calls will ask for.
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', 'on', true)"))
    days = [follow_up_of(plan, index, told, calendar) for index, told in zip(indexes, messages, strict=True)]
    _copy_leads(row, plan, indexes, people, stories, lead_ids, days)
    _copy_calls(row, plan, indexes, people, stories, lead_ids, calls_of)
    db.session.execute(sa.text("SELECT set_config('rebound.calls_counted', '', true)"))
    copy_rows(
        StatusChange.__table__,
        ("company_id", "machine", "subject_id", "old_status", "new_status", "cause", "evidence_id", "batch_id", "user_id", "created_at"),
        (
            (row.company_id, "lead", lead_id, old, new, cause, None if call is None else calls[call],
             row.batch_id if cause == "import" else None, row.requested_by_id if cause == "import" else None, at)
            for story, lead_id, calls in zip(stories, lead_ids, calls_of, strict=True)
            for old, new, cause, call, at in story.changes
        ),
    )  # fmt: skip
    _copy_callbacks(row, stories, lead_ids, calls_of)
    _forbid(row, people, stories, lead_ids)
    _copy_messages(row, messages, lead_ids)
    step(row, done=len(stories), position=indexes.stop, message="")


def _copy_leads(
    row: DemoLoad, plan: Plan, indexes: range, people: list[dict[str, Any]], stories: list[Story], lead_ids: list[int],
    follow_ups: list[date | None],
) -> None:  # fmt: skip
    lists, users = row.params["lists"], row.params["users"]
    copy_rows(
        Lead.__table__,
        ("id", "company_id", "list_id", "owner_id", "follow_up_on", "follow_up_by_id", *_PERSON, *_FACTS),
        (
            (
                lead_id, row.company_id, lists[plan.list_of(index)],
                None if story.facts["owner"] is None else users[story.facts["owner"]],
                day, None if day is None else row.requested_by_id if index % 3 else users[story.calls[-1]["agent"]],
                *(json.dumps(who[name]) if name == "custom" else who[name] for name in _PERSON),
                *(story.facts[name] for name in _FACTS),
            )
            for index, who, story, lead_id, day in zip(indexes, people, stories, lead_ids, follow_ups, strict=True)
        ),
    )  # fmt: skip


def _copy_calls(
    row: DemoLoad, plan: Plan, indexes: range, people: list[dict[str, Any]], stories: list[Story],
    lead_ids: list[int], calls_of: list[list[int]],
) -> None:  # fmt: skip
    campaigns, users = row.params["campaigns"], row.params["users"]
    copy_rows(
        CallLog.__table__,
        ("id", "company_id", "lead_id", "campaign_id", "agent_id", "agent_name", "provider", "provider_call_id", "phone",
         "recording_filename", "created_at", *_CALL),
        (
            (
                call_id, row.company_id, lead_id, campaigns[LISTS[plan.list_of(index)].campaign], users[call["agent"]],
                TEAM[call["agent"]][0], PROVIDER, f"{row.id}-{index}-{number}", who["phone"],
                f"{call['started_at']:%Y-%m-%d}/{index}-{number}.wav" if call["answered_at"] else "", call["started_at"],
                *(call[name] for name in _CALL),
            )
            for index, who, story, lead_id, calls in zip(indexes, people, stories, lead_ids, calls_of, strict=True)
            for number, (call_id, call) in enumerate(zip(calls, story.calls, strict=True))
        ),
    )  # fmt: skip


def _copy_callbacks(row: DemoLoad, stories: list[Story], lead_ids: list[int], calls_of: list[list[int]]) -> None:
    users = row.params["users"]

    def who(agent: int | None) -> int | None:
        return None if agent is None else row.requested_by_id if agent < 0 else users[agent]

    copy_rows(
        Callback.__table__,
        ("company_id", "lead_id", "due_at", "agent_id", "state", "notes", "call_log_id", "closed_at", "created_at"),
        (
            (
                row.company_id,
                lead_id,
                due,
                who(agent),
                state,
                notes,
                calls[number],
                closed,
                story.calls[number]["ended_at"],
            )
            for story, lead_id, calls in zip(stories, lead_ids, calls_of, strict=True)
            for due, agent, state, number, closed, notes in story.callbacks
        ),
    )


def _copy_messages(row: DemoLoad, messages: list[list[Message]], lead_ids: list[int]) -> None:
    users = row.params["users"]
    copy_rows(
        ContactAttempt.__table__,
        ("company_id", "lead_id", "user_id", "user_name", "method", "direction", "subject", "body", "occurred_at", "created_at",
         "responded", "response_at"),
        (
            (row.company_id, lead_id, users[each.agent], TEAM[each.agent][0], each.method, "outbound", each.subject, each.body,
             each.at, each.at, each.response_at is not None, each.response_at)
            for told, lead_id in zip(messages, lead_ids, strict=True)
            for each in told
        ),
    )  # fmt: skip
    recount(lead_id for told, lead_id in zip(messages, lead_ids, strict=True) if told)


def _forbid(row: DemoLoad, people: list[dict[str, Any]], stories: list[Story], lead_ids: list[int]) -> None:
    said_no = [
        {"company_id": row.company_id, "kind": "phone", "value": who["phone"], "reason": "Asked during a call", "source": "call",
         "lead_id": lead_id, "created_at": story.changes[-1][4]}
        for who, story, lead_id in zip(people, stories, lead_ids, strict=True)
        if story.facts["status"] == "dnc"
    ]  # fmt: skip
    if said_no:
        db.session.execute(insert(DncEntry).on_conflict_do_nothing(), said_no)


@atomic
def finish(row: DemoLoad) -> None:
    """Numbers of an older suppression list, and fresh statistics for the planner."""
    rng = plan_of(row).rng(0, "suppressed")
    codes = [code for code, _ in area_codes()]
    phones = {f"+1{rng.choice(codes)}55501{rng.randrange(NUMBERS):02}" for _ in range(40)}
    taken = set(
        db.session.scalars(sa.select(Lead.phone).where(Lead.company_id == row.company_id, Lead.phone.in_(phones)))
    )
    values = [("phone", phone) for phone in sorted(phones - taken)]
    values += [("email", f"no-mail-{n}@example.com") for n in range(1, 9)] + [("domain", "competitor.example.com")]
    db.session.execute(
        insert(DncEntry).on_conflict_do_nothing(),
        [{"company_id": row.company_id, "kind": kind, "value": value, "reason": "Suppression list of the former dialer",
          "source": PROVIDER, "added_by_id": row.requested_by_id} for kind, value in values],
    )  # fmt: skip
    for table in (
        "leads",
        "lead_search",
        "lead_tallies",
        "call_logs",
        "status_changes",
        "callbacks",
        "contact_attempts",
    ):
        db.session.execute(sa.text(f"ANALYZE {table}"))
    user = db.session.get(User, row.requested_by_id) if row.requested_by_id else None
    record_event(
        "demo_loaded", f"Demo data was loaded: {row.done:,} leads", by=user, company_id=row.company_id, subject=row
    )
    db.session.execute(sa.update(Company).where(Company.id == row.company_id).values(demo_loaded_at=db_now()))
    step(row, message="The demo company is ready.", params={**row.params, "finished": True})
