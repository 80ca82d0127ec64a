"""Recycling: the preview is the run, a new pass keeps history, and undo gives back what nobody touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_campaign, make_company, make_lead, make_list, make_user
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.dialer.models import Callback, RecycleRule
from webapp.leads.models import Lead
from webapp.recycling.recycle import (
    CannotRecycle,
    differs_from_preview,
    perform_recycle,
    preview_recycle,
    start_recycle,
)
from webapp.recycling.undo import CannotUndo, perform_undo, start_undo

NOW = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
ALL = ["(none)", "no_answer", "busy", "dnc", "callback"]


def at(text: str) -> datetime:
    hour, minute, second = ([int(part) for part in text.split(":")] + [0])[:3]
    return NOW.replace(hour=hour, minute=minute, second=second)


@pytest.fixture
def now(set_clock: Any) -> datetime:
    set_clock(NOW)  # Monday 2026-06-01 15:00Z
    return NOW


@pytest.fixture
def s4(now: datetime) -> dict[str, Lead]:
    company = make_company()
    campaign = make_campaign(company, phone_gap_minutes=60)
    for status, seconds, redials in (("no_answer", 3600, 3), ("busy", 300, 2)):
        database.session.add(
            RecycleRule(
                company_id=company.id, campaign_id=campaign.id, status=status, delay_seconds=seconds, redials=redials
            )
        )
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    other = make_list(company, dial_campaign_id=campaign.id)

    def dialed(name: str, status: str | None, *calls: tuple[str, str], lst: Any = lead_list, **facts: Any) -> Lead:
        last = max((at(when) for _, when in calls), default=None)
        lead = make_lead(lst, first_name=name, status=status, dial_attempts=len(calls), last_dial_attempt=last,
                         last_status_change=last, **facts)  # fmt: skip
        for result, when in calls:
            make_call(lead, result, started_at=at(when))
        return lead

    leads = {
        "L1": dialed("L1", "no_answer", ("no_answer", "13:59:59")),
        "L2": dialed("L2", "no_answer", ("no_answer", "14:00:01")),
        "L3": dialed("L3", "busy", *[("no_answer", f"{h}:00") for h in (9, 10, 11, 12)], ("busy", "13:50")),
        "L4": dialed("L4", "no_answer", *[("no_answer", f"{h}:00") for h in (6, 7, 8, 9)]),
        "L5": dialed("L5", None),
        "L6": dialed("L6", "dnc", ("no_answer", "8:00")),
        "L7": dialed("L7", "no_answer", ("no_answer", "12:00")),
        "L8": dialed("L8", "callback", ("answered", "11:00")),
        "L9": dialed("L9", "no_answer", ("no_answer", "12:00")),
    }
    database.session.execute(sa.update(Lead).where(Lead.id == leads["L5"].id).values(status=None))
    make_call(leads["L7"], "ringing", started_at=at("14:59"))
    database.session.execute(sa.update(Lead).where(Lead.id == leads["L7"].id).values(dial_attempts=2))
    database.session.add(Callback(company_id=company.id, lead_id=leads["L8"].id, due_at=NOW + timedelta(days=1)))
    dialed("twin", "busy", ("busy", "14:50"), lst=other, phone=leads["L9"].phone)
    database.session.commit()
    leads["list"] = lead_list  # type: ignore[assignment]
    return leads


SKIPPED = {"protected": 1, "needs_repair": 1, "in_call": 1, "callback": 1, "exhausted": 1, "cooling": 1, "phone_gap": 1}


def recycle(
    s4: dict[str, Any], statuses: list[str], *, reset: bool = False, target: str = "new", by: Any = None
) -> Any:
    batch = start_recycle(s4["list"], statuses, target, reset_dial_count=reset, by=by or make_user())
    perform_recycle(batch.id)
    database.session.refresh(batch)
    return batch


def test_s4_preview_and_run_agree_lead_by_lead(s4: dict[str, Any]) -> None:
    preview = preview_recycle(s4["list"], ALL, "new", reset_dial_count=False)
    assert (preview.recycled, preview.skipped) == ({"no_answer": 1, "busy": 1}, SKIPPED)
    assert preview.first_at == {"cooling": at("15:00:01"), "phone_gap": at("15:50")}
    batch = recycle(s4, ALL)
    assert (batch.state, batch.result["recycled"], batch.result["skipped"]) == (
        "done",
        {"no_answer": 1, "busy": 1},
        SKIPPED,
    )
    assert differs_from_preview(batch) == []
    ledger = database.session.scalars(sa.select(StatusChange).where(StatusChange.batch_id == batch.batch_id)).all()
    assert {row.subject_id for row in ledger} == {s4["L1"].id, s4["L3"].id}
    for name, dials in (("L1", 1), ("L3", 5)):
        lead = s4[name]
        database.session.refresh(lead)
        assert (lead.status, lead.dial_attempts, lead.pass_number) == ("new", dials, 2)
        assert lead.problem is None
    repeat = recycle(s4, ALL)
    assert (repeat.done, repeat.result["recycled"]) == (0, {})


def test_s4_undo_restores_both_unless_dialed_since(s4: dict[str, Any]) -> None:
    batch = recycle(s4, ALL)
    make_call(s4["L3"], "busy", started_at=at("15:00"))
    undo = start_undo(batch, by=make_user())
    perform_undo(undo.id)
    database.session.refresh(undo)
    database.session.refresh(s4["L1"])
    database.session.refresh(s4["L3"])
    assert (undo.done, undo.result) == (1, {"dialed": 1})
    assert (s4["L1"].status, s4["L1"].pass_number, s4["L3"].status) == ("no_answer", 1, "new")


def test_resetting_the_dial_count_frees_the_exhausted_but_not_the_lifetime_limit(s4: dict[str, Any]) -> None:
    batch = recycle(s4, ["no_answer"], reset=True)
    database.session.refresh(s4["L4"])
    assert (s4["L4"].status, s4["L4"].pass_dials, s4["L4"].dial_attempts) == ("new", 0, 4)
    assert batch.result["recycled"] == {"no_answer": 2}


def test_a_choice_that_makes_no_sense_is_refused_in_words(s4: dict[str, Any]) -> None:
    for statuses, target in (([], "new"), (["gone"], "new"), (["busy"], "sale"), (["busy"], "dnc")):
        with pytest.raises(CannotRecycle):
            start_recycle(s4["list"], statuses, target, reset_dial_count=False, by=make_user())


def test_a_batch_that_changed_nothing_has_nothing_to_undo(s4: dict[str, Any]) -> None:
    batch = recycle(s4, ["dnc"])
    with pytest.raises(CannotUndo):
        start_undo(batch, by=make_user())


def test_new_leads_recycled_to_new_are_no_change(db: Any) -> None:
    company = make_company()
    lead_list = make_list(company)
    make_lead(lead_list)
    assert preview_recycle(lead_list, ["new"], "new", reset_dial_count=False).skipped == {"unchanged": 1}
