"""Claims of one process at one moment share a transaction; each is a claim of its own, and none suffers for another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event, orm
from sqlalchemy.exc import SQLAlchemyError

from tests.dialer import test_claim_kills as kills
from tests.dialer.gather_worker import PROCESSES, THREADS
from tests.dialer.test_claim_kills import LEADS, TWINS, alone, open_campaign, read_audit, replay
from tests.factories import make_campaign, make_company, make_lead, make_list, make_user
from tests.harness.workers import environment
from webapp.config import ROOT
from webapp.core.db import atomic
from webapp.core.db import db as database
from webapp.dialer import claims
from webapp.dialer.claims import MOST, Claim, claim_next
from webapp.dialer.lanes import Lanes
from webapp.dialer.models import HopperEntry
from webapp.leads.models import Lead
from webapp.serve.children import tied, wait_until
from webapp.timeline.models import DncEntry

NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, noon in New York
audit = kills.audit


# --- the lane --------------------------------------------------------------------------------------------------


class Shop:
    """Serves "a" with "A"; the first it serves waits until it is let go."""

    def __init__(self, most: int = 8, *, poison: str = "", failure: type[BaseException] = SQLAlchemyError) -> None:
        self.batches: list[list[str]] = []
        self.free = threading.Event()
        self.poison, self.failure = poison, failure
        self.lanes: Lanes[int, str, str] = Lanes(self.serve, most)
        self.got: dict[str, str] = {}
        self.threads: list[threading.Thread] = []

    def serve(self, key: int, asked: Sequence[str]) -> list[str]:
        self.batches.append(list(asked))
        if asked[0] == "first":
            assert self.free.wait(10)
        if self.poison in asked:
            raise self.failure(self.poison)
        return [name.upper() for name in asked]

    def send(self, *names: str, patience: float = 10) -> None:
        """Each in a thread of its own, one after another."""
        for name in names:
            waiting = self.waiting

            def run(name: str = name) -> None:
                try:
                    self.got[name] = self.lanes.ask(1, name, patience=patience)
                except BaseException as error:  # noqa: BLE001 - told to the test
                    self.got[name] = type(error).__name__

            self.threads.append(threading.Thread(target=run))
            self.threads[-1].start()
            if name != "first":
                assert wait_until(lambda before=waiting: self.waiting > before, 10)  # type: ignore[misc]
            else:
                assert wait_until(lambda: bool(self.batches), 10)

    @property
    def waiting(self) -> int:
        lane = self.lanes._lanes.get(1)
        return len(lane.waiting) if lane else 0

    def close(self) -> None:
        self.free.set()
        for thread in self.threads:
            thread.join(10)
        assert self.lanes._lanes == {}


def test_who_came_first_is_served_first_and_never_more_than_so_many_at_once() -> None:
    shop = Shop(most=2)
    shop.send("first", *"abcde")
    shop.close()
    assert shop.batches == [["first"], ["a", "b"], ["c", "d"], ["e"]]
    assert shop.got == {name: name.upper() for name in ("first", *"abcde")}


def test_of_several_that_fail_together_only_the_one_at_fault_fails() -> None:
    shop = Shop(poison="b")
    shop.send("first", *"abc")
    shop.close()
    assert shop.batches[1] == ["a", "b", "c"]
    assert sorted(shop.batches[2:]) == [["a"], ["b"], ["c"]]
    assert shop.got == {"first": "FIRST", "a": "A", "b": "SQLAlchemyError", "c": "C"}


def test_a_leader_that_is_torn_out_strands_nobody() -> None:
    shop = Shop(poison="a", failure=SystemExit)
    shop.send("first", *"abc")
    shop.close()
    assert shop.batches[1] == ["a", "b", "c"]
    assert sorted(shop.batches[2:]) == [["b"], ["c"]]
    assert shop.got == {"first": "FIRST", "a": "SystemExit", "b": "B", "c": "C"}


def test_a_leader_that_cannot_even_begin_leaves_the_lane_to_the_next() -> None:
    shop = Shop()
    ready = iter([None, SQLAlchemyError("no connection"), None])

    def prepare() -> None:
        if (error := next(ready)) is not None:
            raise error

    shop.lanes = Lanes(shop.serve, 8, prepare=prepare)
    shop.send("first", *"abc")
    shop.close()
    assert shop.batches == [["first"], ["b", "c"]]
    assert shop.got == {"first": "FIRST", "a": "SQLAlchemyError", "b": "B", "c": "C"}


def test_who_loses_patience_is_served_alone_and_who_asks_for_something_else_never_waits() -> None:
    shop = Shop()
    shop.send("first")
    assert shop.lanes.ask(1, "hasty", patience=0.01) == "HASTY"
    assert shop.lanes.ask(2, "other", patience=10) == "OTHER"
    assert shop.got == {}
    shop.close()


# --- claims ----------------------------------------------------------------------------------------------------


@dataclass
class Floor:
    company: Any
    campaign: Any
    list: Any
    claims: dict[int, Claim | None] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)

    def lead(self, **facts: Any) -> Lead:
        """In the hopper too."""
        lead = make_lead(self.list, **{"zone": "America/New_York", **facts})
        return self.enter(lead)

    def enter(self, lead: Lead, **facts: Any) -> Lead:
        database.session.add(
            HopperEntry(company_id=self.company.id, lead_id=lead.id, campaign_id=self.campaign.id, phone=lead.phone, **facts)
        )  # fmt: skip
        database.session.commit()
        return lead

    def ask(self, app: Flask, number: int, **options: Any) -> None:
        company, campaign = self.company.id, self.campaign.id

        def run() -> None:
            with app.app_context():
                self.claims[number] = claim_next(company, campaign, fill=False, **options)
                database.session.remove()

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def end(self) -> dict[int, Claim | None]:
        for thread in self.threads:
            thread.join(20)
        assert claims._lanes._lanes == {}
        return self.claims


@pytest.fixture
def floor(db: Any, set_clock: Any, monkeypatch: pytest.MonkeyPatch) -> Floor:
    monkeypatch.setattr(claims, "PATIENCE", 20)
    set_clock(NOON)
    company = make_company(zone="America/New_York")
    campaign = make_campaign(company)
    return Floor(company, campaign, make_list(company, dial_campaign_id=campaign.id))


@dataclass(eq=False)
class Gate:
    """Before each commit of the process: holds the first one until it is opened, ends the backend of the one to be cut."""

    stopped: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)
    commits: int = 0
    cut: int | None = None

    def __call__(self, session: orm.Session) -> None:
        self.commits += 1
        if self.commits == 1:
            self.stopped.set()
            assert self.open.wait(20)
        elif self.commits == self.cut:
            with database.engine.connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend_of(session)})


def backend_of(session: orm.Session) -> int:
    return session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()  # type: ignore[no-any-return]


@contextmanager
def gathered(app: Flask, floor: Floor, asking: Sequence[dict[str, Any]], *, cut: int | None = None) -> Iterator[Gate]:
    """The first claims alone and is held before its commit until all the others wait for it, or have been served beside it."""
    database.session.rollback()
    gate = Gate(cut=cut)
    event.listen(orm.Session, "before_commit", gate)
    try:
        floor.ask(app, 0, **asking[0])
        assert gate.stopped.wait(20)
        for number, options in enumerate(asking[1:], 1):
            before = waiting()
            floor.ask(app, number, **options)
            assert wait_until(lambda n=number, b=before: waiting() > b or n in floor.claims, 20)  # type: ignore[misc]
        yield gate
        gate.open.set()
        floor.end()
    finally:
        gate.open.set()
        event.remove(orm.Session, "before_commit", gate)
    database.session.rollback()


def waiting() -> int:
    return sum(len(lane.waiting) for lane in claims._lanes._lanes.values())


def held() -> list[HopperEntry]:
    database.session.rollback()
    return list(database.session.scalars(sa.select(HopperEntry).where(HopperEntry.status == "locked")))


def test_claims_at_one_moment_share_a_commit_and_each_has_its_own_lead_token_and_lease(
    app: Flask, floor: Floor
) -> None:
    leads = [floor.lead().id for _ in range(6)]
    minutes = (10, 5, 60, 7, 1)
    with gathered(app, floor, [{"lease": timedelta(minutes=m)} for m in minutes]) as gate:
        pass
    assert gate.commits == 2
    got = [floor.claims[number] for number in range(5)]
    assert [claim.lead_id for claim in got if claim] == leads[:5]
    assert [claim.lease_until for claim in got if claim] == [NOON + timedelta(minutes=m) for m in minutes]
    told = {(c.token, c.entry_id, c.lead_id, c.phone, c.lease_until) for c in got if c}
    assert told == {(e.claim_token, e.id, e.lead_id, e.phone, e.lease_until) for e in held()}


def test_of_twins_in_one_look_one_is_claimed_and_the_other_stays(app: Flask, floor: Floor) -> None:
    floor.lead()
    twins = [floor.lead(phone="+12125558888").id for _ in range(3)]
    other = floor.lead()
    with gathered(app, floor, [{}] * 4):
        pass
    got = [claim.lead_id for claim in floor.claims.values() if claim]
    assert twins[0] in got
    assert other.id in got
    assert len(got) == 3
    left = database.session.scalars(sa.select(HopperEntry.lead_id).where(HopperEntry.status == "ready")).all()
    assert sorted(left) == twins[1:]


def test_what_may_not_be_dialed_costs_nobody_their_lead(app: Flask, floor: Floor) -> None:
    leads = [floor.lead() for _ in range(8)]
    for lead in (leads[1], leads[3]):
        database.session.add(DncEntry(company_id=floor.company.id, kind="phone", value=lead.phone))
    leads[4].next_eligible_at = NOON + timedelta(hours=1)
    database.session.commit()
    with gathered(app, floor, [{}] * 5) as gate:
        pass
    assert gate.commits == 2
    assert {claim.lead_id for claim in floor.claims.values() if claim} == {leads[n].id for n in (0, 2, 5, 6, 7)}
    ready = database.session.scalars(sa.select(HopperEntry.lead_id).where(HopperEntry.status == "ready")).all()
    assert ready == [leads[4].id], "what only waits stays, the others are gone"


def test_with_too_few_leads_some_get_none_and_no_lead_is_given_twice(app: Flask, floor: Floor) -> None:
    leads = [floor.lead().id for _ in range(3)]
    with gathered(app, floor, [{}] * 6):
        pass
    got = [claim.lead_id for claim in floor.claims.values() if claim]
    assert sorted(got) == leads
    assert list(floor.claims.values()).count(None) == 3


def test_an_agent_gets_what_is_kept_for_them_while_others_claim_together(app: Flask, floor: Floor) -> None:
    ana, ben = (make_user(floor.company, "rep", name=name) for name in ("Ana", "Ben"))
    first = floor.lead()
    kept = floor.enter(make_lead(floor.list, zone="America/New_York"), agent_id=ana.id, priority=50)
    free = [floor.lead().id for _ in range(3)]
    agents = (None, None, ben, ana, None)
    with gathered(app, floor, [{"by": agent} for agent in agents]) as gate:
        assert floor.claims.keys() == {2, 3}, "who claims for another agent does not wait"
    assert gate.commits == 4
    entries = {entry.lead_id: entry for entry in held()}
    assert floor.claims[3] is not None
    assert floor.claims[3].lead_id == kept.id
    assert entries[kept.id].locked_by_id == ana.id
    assert {entries[claim.lead_id].locked_by_id for n in (0, 1, 4) if (claim := floor.claims[n])} == {None}
    assert entries.keys() == {first.id, kept.id, *free}


def test_a_claim_inside_another_transaction_waits_for_nobody_and_is_undone_with_it(app: Flask, floor: Floor) -> None:
    leads = [floor.lead().id for _ in range(3)]
    company, campaign = floor.company.id, floor.campaign.id
    taken: list[Claim | None] = []

    @atomic
    def fail() -> None:
        taken.append(claim_next(company, campaign, fill=False))
        raise ZeroDivisionError

    with gathered(app, floor, [{}, {}]):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert [claim.lead_id for claim in taken if claim] == [leads[1]]
    assert {entry.lead_id for entry in held()} == {leads[0], leads[1]}
    assert taken[0] is not None
    assert taken[0].token not in {entry.claim_token for entry in held()}


def test_when_the_shared_transaction_dies_each_claims_alone(app: Flask, floor: Floor) -> None:
    leads = [floor.lead().id for _ in range(6)]
    with gathered(app, floor, [{}] * 5, cut=2) as gate:  # the shared one, when it has claimed and not committed
        pass
    assert gate.commits == 2 + 4
    got = [claim for claim in floor.claims.values() if claim]
    assert len(got) == 5
    assert {claim.lead_id for claim in got} == set(leads[:5])
    assert {claim.token for claim in got} == {entry.claim_token for entry in held()}


# --- many processes --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("audit")
def test_four_processes_of_sixteen_threads_and_one_killed_in_a_shared_claim_claim_nothing_twice_and_lose_nothing(
    settings: Any, set_clock: Any, tmp_path: Path
) -> None:
    set_clock(NOON)
    company_id, campaign_id = open_campaign()
    database.session.execute(sa.text("TRUNCATE claim_audit"))
    set_clock(NOON)  # and no connection but ours
    took: dict[str, tuple[int, str]] = {}
    by: Counter[int] = Counter()
    stopped: list[int] = []
    with (tmp_path / "nursery.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.dialer.gather_worker", str(company_id), str(campaign_id)], cwd=ROOT,
            env=environment(settings), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=tied(signal.SIGKILL),
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        word, *facts = line.split()
        if word == "took":
            took[facts[1]] = (int(facts[2]), facts[3])
            by[int(facts[0])] += 1
        elif word == "stopped":
            stopped.append(int(facts[1]))
            os.kill(int(facts[0]), signal.SIGKILL)
        else:
            assert word == "over", line
            break
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
    assert stopped
    assert stopped[0] > 1, "it died with the claims of several in one transaction"
    assert wait_until(alone, 20)
    claimed, in_hand = replay(read_audit())
    assert took.items() <= claimed.items(), "a claim that the database does not know"
    assert len(claimed) - len(took) <= THREADS, "each thread of the dead was silent of one claim at most"
    assert len(by) >= PROCESSES - 1
    states = Counter(database.session.scalars(sa.select(HopperEntry.status)))
    assert states == {"locked": len(in_hand), "ready": LEADS - len(in_hand)}
    while claim_next(company_id, campaign_id, fill=False):
        pass
    assert len(held()) == LEADS - TWINS, "each phone once, and what the dead had not committed is claimed by others"
    assert MOST < THREADS
