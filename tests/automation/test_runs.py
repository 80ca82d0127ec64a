"""A run's bookkeeping: who is next, what is recorded, what follows. Outcomes are handed in; the engine has its own tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import (
    make_company,
    make_contact_request,
    make_lead,
    make_list,
    make_project,
    make_project_dealership,
    make_user,
)
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import Outcome
from webapp.automation.models import (
    AutomationAttempt,
    AutomationSettings,
    Dealership,
    ProjectDealership,
    Run,
    RunEvent,
    RunLane,
    RunLog,
)
from webapp.automation.queries.progress import get_progress, list_events
from webapp.automation.service import orphans, recording, runs
from webapp.automation.service.claims import Claimed, Wait, claim_next
from webapp.automation.service.manual import Override, OverrideRefused, override, retry_now, settle_unknown
from webapp.automation.service.runs import RunRefused
from webapp.core.audit import StatusChange
from webapp.core.db import LostRace
from webapp.core.db import db as database
from webapp.core.states import MoveRefused
from webapp.timeline.dnc import block_lead
from webapp.timeline.merging import MergeRefused, fingerprint, merge
from webapp.timeline.models import ContactAttempt
from webapp.timeline.service import Draft, log_contact
from webapp.timeline.unmerging import undo as undo_merge

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday
OK = Outcome(
    True, submission="confirmed", strategy="standard_form", page_load_ms=500, form_fill_ms=300, submission_ms=200
)


def failed(kind: FailureType, **facts: Any) -> Outcome:
    return Outcome(False, kind, f"it was {kind}", **facts)


class World:
    """A company with a project of so many dealerships, the nearest first."""

    def __init__(self, set_clock: Any, count: int = 3, **facts: Any) -> None:
        self.set_clock, self.at = set_clock, NOON
        set_clock(NOON)
        self.company = make_company()
        self.user = make_user(self.company, role="manager")
        self.list = make_list(self.company)
        database.session.add(AutomationSettings(company_id=self.company.id, user_agent="Rebound/1.0 (ops@example.com)"))
        database.session.commit()
        facts = {"dry_run": False, "host_gap_seconds": 0, "per_minute": 120, **facts}
        self.project = make_project(self.company, **facts)
        self.request = make_contact_request(self.project)
        self.rows = [make_project_dealership(self.project, self.list, distance_miles=n) for n in range(1, count + 1)]

    def later(self, **how: float) -> None:
        self.at += timedelta(**how)
        self.set_clock(self.at)

    def start(self, **how: Any) -> Run:
        return runs.start_run(self.project.id, by=self.user, **how)

    def claim(self, run: Run) -> Claimed:
        got = claim_next(run.id, self.company.id)
        assert isinstance(got, Claimed), got
        return got

    def attempt(self, run: Run, outcome: Outcome, *, press: bool | None = None) -> Claimed:
        """Claim, press where the outcome says that something was sent, record."""
        claimed = self.claim(run)
        if press if press is not None else outcome.submission in ("confirmed", "rejected", "unconfirmed"):
            recording.press(claimed)
        assert recording.record(claimed, outcome)
        return claimed

    def status(self, number: int) -> str:
        database.session.expire_all()
        return database.session.get_one(ProjectDealership, self.rows[number].id).contact_status

    def row(self, number: int) -> ProjectDealership:
        return database.session.get_one(ProjectDealership, self.rows[number].id, populate_existing=True)

    def lead_id(self, number: int) -> int:
        return int(database.session.get_one(Dealership, self.rows[number].dealership_id).lead_id)

    def contacts(self, number: int) -> list[ContactAttempt]:
        database.session.expire_all()
        query = sa.select(ContactAttempt).where(ContactAttempt.lead_id == self.lead_id(number))
        return list(database.session.scalars(query.order_by(ContactAttempt.id)))


def fresh(run: Run) -> Run:
    return database.session.get_one(Run, run.id, populate_existing=True)


@pytest.fixture
def world(db: Any, set_clock: Any) -> Any:
    return lambda count=3, **facts: World(set_clock, count, **facts)


def test_a_run_takes_the_nearest_first_and_ends_when_nothing_is_left(world: Any) -> None:
    w = world(3)
    run = w.start()
    took = [w.attempt(run, OK).project_dealership_id for _ in range(3)]
    assert took == [row.id for row in w.rows]
    assert claim_next(run.id, w.company.id) is None
    run = fresh(run)
    assert (run.state, run.total, run.processed, run.successful, run.failed, run.skipped) == ("finished", 3, 3, 3, 0, 0)


def test_a_success_stands_on_the_ledger_the_timeline_and_the_attempt(world: Any) -> None:
    w = world(1)
    run = w.start()
    claimed = w.attempt(run, OK)
    assert w.status(0) == "success"
    moves = database.session.execute(
        sa.select(StatusChange.old_status, StatusChange.new_status, StatusChange.evidence_id)
        .where(StatusChange.machine == "contact status").order_by(StatusChange.id)
    ).all()  # fmt: skip
    assert [tuple(m) for m in moves] == [
        ("pending", "in_progress", claimed.attempt_id),
        ("in_progress", "success", claimed.attempt_id),
    ]
    (contact,) = w.contacts(0)
    assert (contact.method, contact.state, contact.source, contact.source_id) == (
        "web_form",
        "sent",
        "automation",
        claimed.attempt_id,
    )
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id)
    assert (attempt.status, attempt.contact_id, attempt.page_load_time_ms) == ("success", contact.id, 500)


@pytest.mark.parametrize(
    ("kind", "status", "attempt_status"),
    [
        (FailureType.PAGE_TIMEOUT, "failed", "timeout"), (FailureType.FORM_NOT_FOUND, "failed", "failed"),
        (FailureType.CAPTCHA_DETECTED, "blocked", "blocked"), (FailureType.IP_BLOCKED, "blocked", "blocked"),
        (FailureType.SUBMISSION_FAILED, "failed", "failed"),
    ],
)  # fmt: skip
def test_a_failure_before_the_click_leaves_no_contact(
    world: Any, kind: FailureType, status: str, attempt_status: str
) -> None:
    w = world(1)
    claimed = w.attempt(w.start(), failed(kind, submission="not_sent"))
    assert w.status(0) == status
    assert database.session.get_one(AutomationAttempt, claimed.attempt_id).status == attempt_status
    assert w.contacts(0) == []


def test_a_retry_comes_when_its_time_has_come_and_the_run_waits_for_it(world: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT))
    assert fresh(run).state == "running"
    waiting = claim_next(run.id, w.company.id)
    assert isinstance(waiting, Wait)
    assert timedelta(seconds=30) <= waiting.until - w.at <= timedelta(seconds=33)
    w.later(seconds=29)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    w.later(seconds=5)
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT))
    w.later(seconds=34)
    w.attempt(run, failed(FailureType.PAGE_TIMEOUT))
    assert (fresh(run).state, fresh(run).failed, w.row(0).contact_attempts) == ("finished", 1, 3)
    assert w.row(0).next_retry_at is None


def test_what_may_have_been_sent_ends_unknown_and_no_run_takes_it_again(world: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, failed(FailureType.SUBMISSION_FAILED, submission="unconfirmed"))
    assert (w.status(0), w.contacts(0)[0].state, fresh(run).state) == ("failed", "unknown", "finished")
    w.later(days=30)
    with pytest.raises(RunRefused):
        w.start(retry_failed=True)
    with pytest.raises(RunRefused, match="settle"):
        retry_now(w.rows[0].id, by=w.user)


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


@pytest.mark.parametrize("pressed", [False, True])
def test_a_dead_workers_dealership_is_pending_again_unless_the_form_was_sent(world: Any, pressed: bool) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    if pressed:
        recording.press(claimed)
    assert orphans.close_orphans() == 0
    w.later(seconds=121)
    assert orphans.close_orphans() == 1
    assert orphans.close_orphans() == 0
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    assert not recording.record(claimed, OK), "the dead worker came back and spoke"
    if pressed:
        assert (attempt.error_type, attempt.submission, w.status(0)) == ("submission_failed", "unconfirmed", "failed")
        assert "utcome unknown" in w.row(0).reason
        assert w.contacts(0)[0].state == "unknown"
        assert fresh(run).state == "finished"
    else:
        assert (attempt.error_type, attempt.status, w.status(0)) == ("browser_crash", "failed", "pending")
        w.later(seconds=70)
        w.attempt(run, OK)
        assert w.status(0) == "success"


def test_the_guard_is_asked_before_the_visit_and_again_before_the_click(world: Any) -> None:
    w = world(2)
    log_contact(w.lead_id(0), Draft("web_form"), by=w.user)
    run = w.start()
    claimed = w.claim(run)
    assert claimed.project_dealership_id == w.rows[1].id, "the first was contacted a moment ago"
    assert (w.status(0), w.row(0).reason[:17]) == ("pending", "Contacted already")
    log_contact(w.lead_id(1), Draft("web_form"), by=w.user)
    with pytest.raises(recording.GuardStopped):
        recording.press(claimed)
    recording.stop_by_guard(claimed)
    assert w.status(1) == "pending"
    assert w.row(1).deferred_until is not None
    assert [c.state for c in w.contacts(1)] == ["recorded"]


def test_do_not_contact_skips_for_ever(world: Any) -> None:
    w = world(2)
    block_lead(w.lead_id(0), None, "asked us", by=w.user)
    run = w.start()
    assert w.claim(run).project_dealership_id == w.rows[1].id
    assert w.status(0) == "skipped"
    (attempt,) = database.session.scalars(sa.select(AutomationAttempt).where(AutomationAttempt.status == "skipped"))
    assert attempt.skip_reason == "do_not_contact"
    assert fresh(run).skipped == 1


def test_a_page_that_robots_txt_forbids_is_skipped_with_its_rule_and_is_no_failure(world: Any) -> None:
    w = world(1)
    run = w.start()
    w.attempt(run, Outcome(False, disallowed="Disallow: /contact"))
    assert (w.status(0), w.row(0).reason) == ("skipped", "Disallow: /contact")
    assert (fresh(run).skipped, fresh(run).failed, fresh(run).state) == (1, 0, "finished")
    attempt = database.session.scalars(sa.select(AutomationAttempt)).one()
    assert (attempt.status, attempt.skip_reason, attempt.error_type) == ("skipped", "robots", None)


def test_a_host_is_visited_by_one_at_a_time_and_rests_between_two(world: Any) -> None:
    w = world(2, host_gap_seconds=90)
    for row in w.rows:
        database.session.get_one(Dealership, row.dealership_id).host = "same.example.com"
    database.session.commit()
    run = w.start()
    claimed = w.claim(run)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    recording.press(claimed)
    recording.record(claimed, OK)
    w.later(seconds=89)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    w.later(seconds=2)
    assert w.claim(run).project_dealership_id == w.rows[1].id


def test_a_site_that_asks_for_time_slows_only_itself(world: Any) -> None:
    w = world(2)
    run = w.start()
    w.attempt(run, failed(FailureType.RATE_LIMITED, retry_after=600.0))
    assert w.status(0) == "blocked"
    assert w.claim(run).project_dealership_id == w.rows[1].id
    w.later(seconds=599)
    assert isinstance(claim_next(run.id, w.company.id), Wait)
    w.later(seconds=2)
    assert w.claim(run).project_dealership_id == w.rows[0].id


def test_a_minute_and_a_day_have_their_limits(world: Any) -> None:
    w = world(4, per_minute=2, window_open="09:00", window_close="17:00", window_days=[0, 1, 2, 3, 4])
    run = w.start()
    w.attempt(run, OK)
    w.attempt(run, OK)
    waiting = claim_next(run.id, w.company.id)
    assert isinstance(waiting, Wait)
    assert waiting.until == w.at + timedelta(seconds=60)
    w.later(hours=6)
    closed = claim_next(run.id, w.company.id)
    assert isinstance(closed, Wait)
    assert (closed.until, closed.why) == (datetime(2026, 6, 11, 13, 0, tzinfo=UTC), "the project's daily window")


def test_a_paused_run_hands_out_nothing_and_a_resumed_one_goes_on(world: Any) -> None:
    w = world(2)
    run = w.start()
    held = w.claim(run)
    runs.pause_run(run.id, by=w.user)
    runs.pause_run(run.id, by=w.user)
    assert claim_next(run.id, w.company.id) is None
    recording.press(held)
    assert recording.record(held, OK), "what is in hand is finished"
    runs.resume_run(run.id, by=w.user)
    w.attempt(run, OK)
    assert fresh(run).state == "finished"
    with pytest.raises(MoveRefused):
        runs.pause_run(run.id, by=w.user)


def test_a_cancelled_run_gives_back_what_was_not_sent_and_keeps_what_was(world: Any) -> None:
    w = world(3)
    run = w.start()
    one, two = w.claim(run), w.claim(run)
    recording.press(two)
    runs.cancel_run(run.id, by=w.user)
    with pytest.raises(recording.LostHold):
        recording.beat(one)
    recording.give_back(one, "cancelled")
    recording.beat(two)
    assert recording.record(two, OK)
    assert [w.status(n) for n in range(3)] == ["pending", "success", "pending"]
    assert fresh(run).state == "cancelled"
    assert claim_next(run.id, w.company.id) is None


def test_a_dry_run_moves_no_status_contacts_nobody_and_takes_each_once(world: Any) -> None:
    w = world(2, dry_run=True)
    run = w.start()
    w.attempt(run, Outcome(True, submission="not_sent"))
    w.attempt(run, failed(FailureType.FORM_NOT_FOUND))
    assert claim_next(run.id, w.company.id) is None
    assert [w.status(n) for n in range(2)] == ["pending", "pending"]
    assert w.contacts(0) == w.contacts(1) == []
    assert (fresh(run).successful, fresh(run).failed, fresh(run).state) == (1, 1, "finished")
    assert (
        database.session.scalar(
            sa.select(sa.func.count()).where(StatusChange.machine == "contact status").select_from(StatusChange)
        )
        == 0
    )


def test_one_run_of_a_project_at_a_time_and_pressing_twice_is_one(world: Any) -> None:
    w = world(2)
    run = w.start(form_token="a")
    assert w.start(form_token="a").id == run.id
    with pytest.raises(RunRefused, match="going on"):
        w.start(form_token="b")
    assert database.session.scalar(sa.select(sa.func.count()).select_from(RunLane)) == 2


def test_a_run_without_a_request_or_without_anything_due_is_refused_and_leaves_nothing(world: Any) -> None:
    w = world(1)
    empty = make_project(w.company, dry_run=False)
    with pytest.raises(RunRefused, match="contact request"):
        runs.start_run(empty.id, by=w.user)
    make_contact_request(empty)
    with pytest.raises(RunRefused, match="No dealership is due"):
        runs.start_run(empty.id, by=w.user)
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Run)) == 0


def test_a_run_pauses_itself_when_nearly_everything_fails_and_says_why(world: Any) -> None:
    w = world(25)
    run = w.start()
    for _ in range(20):
        w.attempt(run, failed(FailureType.CAPTCHA_DETECTED))
    run = fresh(run)
    assert run.state == "paused"
    assert "20 of the last 20 attempts failed, most by “Captcha”" in run.paused_reason
    runs.resume_run(run.id, by=w.user)
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED))
    assert fresh(run).state == "running", "what it had seen before the pause counts no more"


def test_counters_events_and_log_tell_the_same_story(world: Any) -> None:
    w = world(4)
    run = w.start()
    w.attempt(run, OK)
    w.attempt(run, failed(FailureType.CAPTCHA_DETECTED, submission="not_sent"))
    w.attempt(run, Outcome(False, disallowed="Disallow: /"))
    w.claim(run)
    run = fresh(run)
    progress = get_progress(run)
    assert (run.total, run.processed, run.successful, run.failed, run.skipped, run.attempts) == (4, 3, 1, 1, 1, 2)
    assert [hand.project_dealership_id for hand in progress.in_hand] == [w.rows[3].id]
    assert set(progress.as_json()) >= {
        "projectId", "totalDealerships", "processed", "successful", "failed", "currentDealership", "estimatedTimeRemaining", "startedAt",
        "averageTimePerAttempt",
    }  # fmt: skip
    types = [event.type for event in list_events(w.project)]
    assert types == [
        "automation_started", "dealership_started", "dealership_completed", "dealership_started", "error_occurred", "dealership_completed",
        "dealership_started", "dealership_completed", "dealership_started",
    ]  # fmt: skip
    half = list_events(w.project)[3].id
    assert [event.type for event in list_events(w.project, after=half)] == types[4:]
    operations = set(database.session.scalars(sa.select(RunLog.operation).where(RunLog.run_id == run.id)))
    assert operations >= {"automation_started", "status_change", "contact_attempt_failure", "dealership_skipped"}


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


def test_a_request_that_was_used_is_marked_so(world: Any) -> None:
    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    assert database.session.get_one(type(w.request), w.request.id).used_at is None
    recording.press(claimed)
    assert database.session.get_one(type(w.request), w.request.id, populate_existing=True).used_at is not None
    with pytest.raises(recording.LostHold):
        recording.press(claimed)


def test_evidence_is_kept_and_what_a_late_worker_brings_is_not(world: Any, app: Any) -> None:
    from webapp.core.storage import get_storage

    w = world(1)
    run = w.start()
    claimed = w.claim(run)
    picture = Outcome(
        False, FailureType.FORM_NOT_FOUND, "none \x00 here", screenshot_error=b"\x89PNG", page_source="<p>\ud800</p>"
    )
    assert recording.record(claimed, picture)
    attempt = database.session.get_one(AutomationAttempt, claimed.attempt_id, populate_existing=True)
    with get_storage().open(attempt.screenshot_error_path) as kept:
        assert kept.read() == b"\x89PNG"
    before = set(get_storage().keys())
    assert not recording.record(claimed, picture)
    assert set(get_storage().keys()) == before


def test_waking_rings_for_sleeping_lanes_of_running_runs_only(world: Any, worker: Any) -> None:
    w = world(2, window_open="09:00", window_close="12:30")
    run = w.start()
    assert len(worker.waiting()) == 2
    w.later(hours=2)
    claim_next(run.id, w.company.id)
    assert runs.wake_runs() == 0, "the window opens tomorrow"
    w.later(hours=19, minutes=30)
    assert runs.wake_runs() == 2
    runs.pause_run(run.id, by=w.user)
    assert runs.wake_runs() == 0


def test_another_company_sees_and_moves_nothing(world: Any) -> None:
    w = world(1)
    run = w.start()
    stranger = make_user(make_company(), role="admin")
    for call in (runs.pause_run, runs.cancel_run, runs.resume_run):
        with pytest.raises(LookupError):
            call(run.id, by=stranger)
    with pytest.raises(LookupError):
        override(w.rows[0].id, Override("skipped"), by=stranger)
    with pytest.raises(LookupError):
        runs.start_run(w.project.id, by=stranger)
    assert claim_next(run.id, stranger.company_id) is None
    assert (
        database.session.scalar(
            sa.select(sa.func.count()).where(RunEvent.company_id == stranger.company_id).select_from(RunEvent)
        )
        == 0
    )


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
