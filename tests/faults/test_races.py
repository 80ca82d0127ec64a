"""Many writers at the same leads at the same moment: no event is lost or counted twice, no deadlock reaches a caller,
and the books balance."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg.errors
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.factories import make_company, make_lead, make_list, make_user
from tests.faults.support import at_once, check_books, event, reread, send
from webapp.accounts.models import User
from webapp.core.db import LostRace, after_commit, atomic
from webapp.core.db import db as database
from webapp.core.states import MoveRefused
from webapp.dialer.models import CallEvent, CallLog
from webapp.dialer.quarantine import place_waiting
from webapp.leads.models import Lead, LeadList
from webapp.leads.service.bulk import CountMoved, Selection, run_bulk
from webapp.leads.service.leads import StatusRefused, set_status
from webapp.leads.tallies import fold_tallies
from webapp.recycling.recycle import perform_recycle, start_recycle
from webapp.recycling.repair import perform_repair, start_repair
from webapp.recycling.undo import CannotUndo, perform_undo, start_undo
from webapp.serve.children import wait_until
from webapp.timeline.dnc import add_entries
from webapp.timeline.models import DncEntry

ENDS = ("no_answer", "busy", "failed", "dropped", "answered", "machine", "invalid_number")
SAID = (None, None, None, None, "callback", "not_interested", "sale", "dnc", "qualified")


def tell_calls(rng: random.Random, ids: list[int], calls: int) -> list[dict[str, Any]]:
    """The events of so many calls. The same number of calls and seed tell the same story."""
    told = []
    for number in range(calls):
        lead_id, minute = rng.choice(ids), number / 2
        told.append(event(f"{number}a", f"C{number}", "dialing", minute, lead_id=lead_id))
        told.append(event(f"{number}b", f"C{number}", "ringing", minute + 0.1))
        end = event(f"{number}c", f"C{number}", "ended", minute + 1, call_status=rng.choice(ENDS))
        said = rng.choice(SAID)
        told.append(end | ({"disposition": said} if said else {}))
    return told


def test_eight_dialers_and_everybody_else_at_the_same_leads_keep_the_books(app: Flask, db: Any) -> None:
    rng = random.Random(7)
    company = make_company()
    by = make_user(company)
    lists = [make_list(company), make_list(company)]
    # Every third phone is shared by leads of both lists: a Do Not Call reaches over.
    ids = [make_lead(lists[n % 2], phone=f"+12125550{n // 3:03}").id for n in range(60)]
    company_id, by_id, list_ids = company.id, by.id, [row.id for row in lists]
    told = tell_calls(rng, ids, 240)
    done = threading.Event()
    recorded: list[str] = []

    def dialer(seed: int) -> None:
        mine = random.Random(seed)
        story = [e for e in told if mine.random() < 0.7]
        mine.shuffle(story)
        while story:
            cut = mine.randint(1, 60)
            part, story = story[:cut], story[cut:]
            recorded.extend(o.outcome for o in send(company_id, *part))

    def again_and_again(turn: Callable[[random.Random], object], seed: int, least: int = 6) -> Callable[[], None]:
        def run() -> None:
            mine, turns = random.Random(seed), 0
            while turns < least or (not done.is_set() and turns < 60):
                turn(mine)
                turns += 1

        return run

    def repair(mine: random.Random) -> None:
        perform_repair(start_repair(company_id, by=None, list_id=mine.choice([None, *list_ids])).id)

    def recycle(mine: random.Random) -> None:
        lead_list = database.session.get_one(LeadList, mine.choice(list_ids))
        statuses = mine.sample(["no_answer", "busy", "contacted", "not_interested", "new", "invalid"], 3)
        batch = start_recycle(
            lead_list, statuses, "new", reset_dial_count=True, by=database.session.get_one(User, by_id)
        )
        perform_recycle(batch.id)
        if mine.random() < 0.5:
            try:
                perform_undo(start_undo(batch, by=database.session.get_one(User, by_id)).id)
            except CannotUndo:
                database.session.rollback()

    def person(mine: random.Random) -> None:
        try:
            set_status(mine.choice(ids), mine.choice(["new", "contacted", "dnc", "callback", "busy"]),
                       by=database.session.get_one(User, by_id), reason="because")  # fmt: skip
        except (MoveRefused, StatusRefused):
            database.session.rollback()

    def bulk(mine: random.Random) -> None:
        chosen = mine.sample(ids, 20)
        action, params = mine.choice(
            [("status", {"to": "dnc"}), ("status", {"to": "new"}), ("tag_add", {"tag": "hot"})]
        )
        try:
            run_bulk(action, params, Selection(ids=tuple(chosen)), seen=20, by=database.session.get_one(User, by_id),
                     form_token=uuid4().hex)  # fmt: skip
        except CountMoved:
            database.session.rollback()

    def block(mine: random.Random) -> None:
        phones = [("phone", f"+12125550{mine.randrange(20):03}") for _ in range(5)]
        add_entries(phones, "asked", by=database.session.get_one(User, by_id))

    def fold(mine: random.Random) -> None:
        fold_tallies()

    dialers = [lambda seed=seed: dialer(seed) for seed in range(8)]
    others = [
        again_and_again(turn, 100 + n) for n, turn in enumerate((repair, recycle, person, bulk, block, fold, fold))
    ]
    telling = [threading.Event() for _ in dialers]

    def counted(call: Callable[[], object], mine: threading.Event) -> Callable[[], None]:
        def run() -> None:
            try:
                call()
            finally:
                mine.set()
                if all(one.is_set() for one in telling):
                    done.set()

        return run

    errors = at_once(app, [*(counted(*pair) for pair in zip(dialers, telling, strict=True)), *others], within=90)
    assert errors == []
    check_books(company_id)
    # Whatever was told by anybody, told once more by one and in order, changes nothing.
    first = send(company_id, *told)
    assert {o.outcome for o in first} <= {"duplicate", "applied", "stale"}
    # A ring and its call's first event, told at once by two, may have missed each other: the next minute's pass joins them.
    place_waiting(company_id)
    check_books(company_id)
    events, calls = database.session.execute(
        sa.select(sa.func.count(CallEvent.id), sa.func.count(sa.distinct(CallEvent.provider_call_id)))
        .where(CallEvent.company_id == company_id, CallEvent.outcome != "quarantined")
    ).one()  # fmt: skip
    assert (events, calls) == (len(told), 240)
    assert database.session.scalar(sa.select(sa.func.count(CallLog.id)).where(CallLog.company_id == company_id)) == 240
    dials = database.session.scalar(sa.select(sa.func.sum(Lead.dial_attempts)).where(Lead.company_id == company_id))
    assert dials == 240
    ended = {e["call_id"]: e for e in told if e["type"] == "ended"}
    for call in database.session.scalars(sa.select(CallLog).where(CallLog.company_id == company_id)):
        assert call.disposition == ended[call.provider_call_id].get("disposition")
        assert call.call_status == ended[call.provider_call_id]["call_status"]


def test_two_tellers_who_mean_different_leads_by_one_call_make_one_call(app: Flask, db: Any) -> None:
    company = make_company()
    lead_list = make_list(company)
    ids = [make_lead(lead_list).id for _ in range(2)]
    company_id = company.id
    for turn in range(12):
        told = [
            [event(f"{turn}-{n}", f"K{turn}", "ended", 1, lead_id=ids[n], call_status="no_answer",
                   **({"disposition": "not_interested"} if n else {}))]
            for n in range(2)
        ]  # fmt: skip
        assert at_once(app, [lambda part=part: send(company_id, *part) for part in told]) == []
    check_books(company_id)
    calls = database.session.scalars(sa.select(CallLog).where(CallLog.company_id == company_id)).all()
    assert len(calls) == 12
    assert {call.disposition for call in calls} == {"not_interested"}
    assert (
        database.session.scalar(sa.select(sa.func.sum(Lead.dial_attempts)).where(Lead.company_id == company_id)) == 12
    )


def hold(app: Flask, sql: str, **params: Any) -> Any:
    """A transaction of somebody else that did `sql` and has not ended."""
    with app.app_context():
        connection = database.engine.connect()
    connection.execute(sa.text(sql), params)
    return connection


def wait_for_lock() -> None:
    def somebody_waits() -> bool:
        database.session.rollback()
        return bool(database.session.scalar(sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )))  # fmt: skip

    assert wait_until(somebody_waits, 10)


def in_background(app: Flask, call: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    box: list[object] = []

    def run() -> None:
        with app.app_context():
            try:
                box.append(call())
            except BaseException as error:  # noqa: BLE001 - told to the test
                box.append(error)
            finally:
                database.session.remove()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, box


def test_an_event_for_a_lead_that_is_removed_in_the_same_moment_is_kept_aside(app: Flask, db: Any) -> None:
    lead = make_lead(make_list(make_company()))
    company_id, lead_id = lead.company_id, lead.id
    with hold(app, "DELETE FROM leads WHERE id = :id", id=lead_id) as other:
        thread, box = in_background(app, lambda: send(company_id, event("1", "A", "ended", 1, lead_id=lead_id)))
        wait_for_lock()
        other.commit()
    thread.join(20)
    (outcomes,) = box
    assert [(o.outcome, o.reason) for o in outcomes] == [("quarantined", "unknown lead")]  # type: ignore[attr-defined]


def test_a_status_that_changes_while_an_event_waits_is_seen_by_it(app: Flask, db: Any) -> None:
    """Without the lock of the lead the fold would judge what was, and then write nothing at all."""
    lead = make_lead(make_list(make_company()))
    company_id, lead_id = lead.company_id, lead.id
    with hold(app, "UPDATE leads SET status = 'busy' WHERE id = :id", id=lead_id) as other:
        thread, box = in_background(
            app, lambda: send(company_id, event("1", "A", "ended", 1, lead_id=lead_id, call_status="failed"))
        )
        wait_for_lock()
        other.commit()
    thread.join(20)
    assert isinstance(box[0], list), box
    assert (reread(lead).status, lead.dial_attempts, lead.call_count) == ("failed", 1, 1)


def test_two_events_of_one_lead_at_once_are_two_dials(app: Flask, db: Any) -> None:
    lead = make_lead(make_list(make_company()))
    company_id, lead_id = lead.company_id, lead.id
    parts = [event(f"{n}", f"C{n}", "ended", n, lead_id=lead_id, call_status="busy") for n in range(8)]
    assert at_once(app, [lambda e=e: send(company_id, e) for e in parts]) == []
    assert (reread(lead).dial_attempts, lead.call_count) == (8, 8)


def test_a_deadlock_is_run_again_and_the_caller_never_hears_of_it(app: Flask, db: Any) -> None:
    lead_list = make_list(make_company())
    ids = [make_lead(lead_list).id for _ in range(2)]
    first = threading.Barrier(2)
    turns: list[int] = []

    @atomic(retry=2)
    def cross(one: int, other: int) -> None:
        turns.append(one)
        database.session.execute(sa.update(Lead).where(Lead.id == one).values(version=Lead.version + 1))
        if len(turns) <= 2:
            first.wait(10)
        database.session.execute(sa.update(Lead).where(Lead.id == other).values(version=Lead.version + 1))

    assert at_once(app, [lambda: cross(*ids), lambda: cross(*reversed(ids))]) == []
    assert len(turns) == 3
    versions = database.session.scalars(sa.select(Lead.version).where(Lead.id.in_(ids))).all()
    assert versions == [3, 3]


@pytest.mark.usefixtures("db")
def test_a_transaction_is_run_again_so_often_and_no_more() -> None:
    turns: list[str] = []
    rung: list[str] = []

    @atomic(retry=2)
    def lose() -> None:
        turns.append("")
        after_commit(lambda: rung.append("lost"))
        raise LostRace("again")

    with pytest.raises(LostRace):
        lose()
    assert (len(turns), rung) == (3, [])

    @atomic
    def lose_once() -> None:
        turns.append("")
        raise LostRace("never again")

    with pytest.raises(LostRace):
        lose_once()
    assert len(turns) == 4

    @atomic(retry=2)
    def win() -> str:
        turns.append("")
        after_commit(lambda: rung.append("won"))
        if len(turns) < 6:
            raise OperationalError("", {}, psycopg.errors.DeadlockDetected())
        return "won"

    assert (win(), rung, len(turns)) == ("won", ["won"], 6)


@pytest.mark.usefixtures("db")
def test_inside_another_transaction_nothing_is_run_again_in_part() -> None:
    turns: list[str] = []

    @atomic(retry=2)
    def inner() -> None:
        turns.append("inner")
        if len(turns) < 4:
            raise LostRace("again")

    @atomic(retry=2)
    def outer() -> None:
        turns.append("outer")
        inner()

    outer()
    assert turns == ["outer", "inner", "outer", "inner"]


def test_a_number_said_no_by_many_calls_at_once_is_listed_once(app: Flask, db: Any) -> None:
    company = make_company()
    lists = [make_list(company) for _ in range(6)]
    leads = [make_lead(row, phone="+12125550101") for row in lists]
    company_id, ids = company.id, [lead.id for lead in leads]

    def say_no(n: int) -> None:
        send(company_id, event(f"{n}", f"C{n}", "ended", n, lead_id=ids[n], call_status="answered", disposition="dnc"))

    assert at_once(app, [lambda n=n: say_no(n) for n in range(6)]) == []
    assert database.session.scalar(sa.select(sa.func.count(DncEntry.id))) == 1
    assert set(database.session.scalars(sa.select(Lead.status))) == {"dnc"}
