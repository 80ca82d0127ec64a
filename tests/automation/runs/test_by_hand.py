"""What a person does with a project's dealerships: settles what is unknown, marks them as contacted, merges their leads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.automation.runs.run_world import OK, failed
from tests.factories import make_lead, make_project, make_project_dealership
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, Dealership, ProjectDealership
from webapp.automation.service.manual import Override, OverrideRefused, override, retry_now, settle_unknown
from webapp.automation.service.recording import LostHold, press, record
from webapp.core.audit import StatusChange
from webapp.core.db import LostRace
from webapp.core.db import db as database
from webapp.core.states import MoveRefused
from webapp.timeline.merging import MergeRefused, fingerprint, merge
from webapp.timeline.unmerging import undo as undo_merge


def test_a_person_settles_an_unknown_outcome_either_way(world: Any) -> None:
    w = world(2)
    run = w.start()
    first = w.attempt(run, failed(FailureType.SUBMISSION_FAILED, submission="unconfirmed"))
    second = w.attempt(run, failed(FailureType.SUBMISSION_FAILED, submission="unconfirmed"))
    settle_unknown(first.attempt_id, arrived=True, by=w.user, notes="they rang back")
    settle_unknown(second.attempt_id, arrived=False, by=w.user)
    assert (w.status(0), w.status(1)) == ("manual_override", "failed")
    assert (w.contacts(0)[0].state, w.contacts(1)[0].state) == ("sent", "failed")
    with pytest.raises(OverrideRefused):
        settle_unknown(first.attempt_id, arrived=False, by=w.user)
    w.later(minutes=5)
    again = retry_now(w.rows[1].id, by=w.user)
    w.attempt(again, OK)
    assert w.status(1) == "success"


def test_a_person_marks_a_dealership_as_contacted_from_any_status_with_the_ledger_and_the_timeline(world: Any) -> None:
    w = world(2)
    run = w.start()
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED))
    w.later(minutes=10)
    given = Override(
        "manual_override",
        "Spoke with the sales manager",
        "phone",
        w.at - timedelta(minutes=5),
        (w.at + timedelta(days=2)).date(),
    )
    row = override(w.rows[0].id, given, by=w.user)
    assert (row.contact_status, row.manual_method, row.manual_status_set_by) == (
        "manual_override",
        "phone",
        w.user.name,
    )
    change = database.session.scalars(sa.select(StatusChange).where(StatusChange.new_status == "manual_override")).one()
    assert (change.old_status, change.reason, change.notes, change.user_id) == (
        "blocked",
        "Phone",
        given.notes,
        w.user.id,
    )
    assert [(c.method, c.state) for c in w.contacts(0)] == [("call", "recorded")]
    with pytest.raises(MoveRefused):
        override(w.rows[0].id, given, by=w.user)


def test_a_dealership_in_hand_cannot_be_marked_and_what_cannot_be_is_refused_by_field(world: Any) -> None:
    w = world(2)
    run = w.start()
    w.claim(run)
    with pytest.raises(LostRace):
        override(w.rows[0].id, Override("manual_override"), by=w.user)
    for given, name in (
        (Override("success"), "new_status"), (Override("manual_override", contact_method="pigeon"), "contact_method"),
        (Override("manual_override", contacted_at=w.at + timedelta(hours=1)), "contacted_at"),
        (Override("manual_override", notes="x" * 5001), "notes"),
    ):  # fmt: skip
        with pytest.raises(OverrideRefused) as refused:
            override(w.rows[1].id, given, by=w.user)
        assert refused.value.field == name
    override(w.rows[1].id, Override("skipped", "a friend of ours"), by=w.user)
    assert w.status(1) == "skipped"


def test_a_merge_takes_the_dealership_and_its_proof_along_and_gives_them_back_when_undone(world: Any) -> None:
    w = world(2)
    run = w.start()
    first = w.attempt(run, OK)
    w.attempt(run, OK)
    survivor = make_lead(w.list, email="twin@example.com")
    gone_id = w.lead_id(0)
    done = merge(survivor.id, [gone_id], {}, fingerprint(w.company.id, [survivor.id, gone_id]), by=w.user)
    assert w.lead_id(0) == survivor.id
    assert database.session.get(AutomationAttempt, first.attempt_id) is not None
    undo_merge(done[0].id, by=w.user)
    assert w.lead_id(0) == gone_id
    both = [w.lead_id(0), w.lead_id(1)]
    with pytest.raises(MergeRefused, match="is in the project"):
        merge(both[0], both[1:], {}, fingerprint(w.company.id, both), by=w.user)
    other = make_project_dealership(make_project(w.company), w.list)
    third = int(database.session.get_one(Dealership, other.dealership_id).lead_id)
    done = merge(both[0], [third], {}, fingerprint(w.company.id, [both[0], third]), by=w.user)
    assert (
        database.session.get_one(ProjectDealership, other.id, populate_existing=True).dealership_id
        == w.rows[0].dealership_id
    )
    undo_merge(done[0].id, by=w.user)
    moved = database.session.get_one(ProjectDealership, other.id, populate_existing=True).dealership_id
    assert int(database.session.get_one(Dealership, moved).lead_id) == third


@pytest.mark.parametrize("pressed", [False, True])
def test_a_person_who_marks_what_a_stalled_worker_still_holds_ends_its_hold(world: Any, pressed: bool) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    if pressed:
        press(claimed)
    w.later(minutes=5)
    override(w.rows[0].id, Override("manual_override", "Rang them", "phone", None, None), by=w.user)
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    assert (attempt.status, attempt.submission) == ("failed", "unconfirmed" if pressed else "not_sent")
    with pytest.raises(LostHold):
        press(claimed)
    assert record(claimed, OK) is False
    assert w.status(0) == "manual_override"
    assert sorted(one.state for one in w.contacts(0)) == (["recorded", "unknown"] if pressed else ["recorded"])
