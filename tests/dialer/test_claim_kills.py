"""Twenty agents, two hundred claims at once, and half of the agents killed: before the commit, after the claim, in the call, anywhere.

REBOUND_CLAIM_ROUNDS=100 runs as many rounds; the suite runs fewer.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.dialer.claim_worker import MOMENTS, WORKERS
from tests.factories import make_campaign, make_company, make_list
from tests.faults.support import at_once, check_books
from tests.harness.workers import environment
from webapp.config import ROOT
from webapp.core.db import db as database
from webapp.dialer.claims import ClaimLost, claim_next, heartbeat, release, sweep_claims
from webapp.dialer.filling import fill_hopper
from webapp.dialer.models import CallLog, HopperEntry
from webapp.leads.models import Lead
from webapp.serve.children import tied, wait_until

ROUNDS = int(os.environ.get("REBOUND_CLAIM_ROUNDS", "3"))
NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)
LEADS, TWINS, VICTIMS = 120, 20, 4
# Every change of hands as the database saw it. The lead's row and the unique index of phones put them in order.
AUDIT = """
CREATE TABLE claim_audit (id bigserial, lead_id bigint, old_phone text, new_phone text, old_token text, new_token text);
CREATE FUNCTION audit_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.claim_token IS NOT NULL THEN
      INSERT INTO claim_audit (lead_id, old_phone, old_token) VALUES (OLD.lead_id, OLD.phone, OLD.claim_token);
    END IF;
  ELSIF OLD.claim_token IS DISTINCT FROM NEW.claim_token THEN
    INSERT INTO claim_audit (lead_id, old_phone, new_phone, old_token, new_token)
    VALUES (OLD.lead_id, OLD.phone, NEW.phone, OLD.claim_token, NEW.claim_token);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_claims AFTER UPDATE OR DELETE ON hopper_entries FOR EACH ROW EXECUTE FUNCTION audit_claim();
"""


@dataclass
class Round:
    """What the agents said before they ended."""

    took: dict[str, tuple[int, str]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    killed: set[int] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


@dataclass
class Nursery:
    """The process that forks the agents. A death awaited is one of those at MOMENTS; the others come as the dice fall."""

    process: subprocess.Popen[str]
    log: Path

    def play(self, company_id: int, campaign_id: int, seed: int) -> Round:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"round {company_id} {campaign_id} {seed}\n")
        self.process.stdin.flush()
        played, dice, born = Round(), random.Random(seed), [0]
        moments = sorted(dice.sample(range(1, 160), VICTIMS))
        for number, line in enumerate(self.process.stdout):
            word, *facts = line.split()
            if word == "over":
                return played
            if word == "born":
                born = [int(pid) for pid in facts]
            elif word == "took":
                played.took[facts[1]] = (int(facts[2]), facts[3])
            elif word == "called":
                played.called.add(facts[1])
            elif word == "stopped":
                self.kill(int(facts[0]), played)
            else:
                played.errors.append(line)
            if moments and number >= moments[0] and len(born) == WORKERS:
                moments.pop(0)
                self.kill(dice.choice(born[2 * len(MOMENTS) :]), played)
        raise AssertionError(f"The nursery ended:\n{self.log.read_text()[-3000:]}")

    def kill(self, pid: int, played: Round) -> None:
        os.kill(pid, signal.SIGKILL)
        played.killed.add(pid)


@pytest.fixture
def nursery(settings: Any, db: Any, tmp_path: Path) -> Iterator[Nursery]:
    told = tmp_path / "nursery.txt"
    with told.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.dialer.claim_worker"], cwd=ROOT, env=environment(settings), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=tied(signal.SIGKILL),
        )  # fmt: skip
    yield Nursery(process, told)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(20)
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture
def audit(db: Any) -> Iterator[None]:
    database.session.connection().exec_driver_sql(AUDIT)
    database.session.commit()
    yield
    database.session.rollback()
    database.session.connection().exec_driver_sql("DROP TABLE claim_audit; DROP FUNCTION audit_claim() CASCADE")
    database.session.commit()


def open_campaign() -> tuple[int, int]:
    """A full hopper: LEADS leads, some of them twins by their phone."""
    company = make_company()
    campaign = make_campaign(company, hopper_level=1000)
    lists = [make_list(company, dial_campaign_id=campaign.id) for _ in range(2)]
    phones = [f"+1212555{number:04}" for number in range(LEADS - TWINS)]
    database.session.add_all(
        Lead(company_id=company.id, list_id=lists[number % 2].id, phone=phone, zone="America/New_York", status="new")
        for number, phone in enumerate(phones + phones[:TWINS])
    )
    database.session.commit()
    # A twin's twin comes with the next fill.
    assert fill_hopper(company.id, campaign.id) == LEADS - TWINS
    assert fill_hopper(company.id, campaign.id) == TWINS
    return company.id, campaign.id


def alone() -> bool:
    """The dead's backends have ended, and what they had not committed is undone."""
    database.session.rollback()
    others = database.session.scalar(
        sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND application_name = 'rebound'"
        )
    )
    database.session.rollback()
    return others == 0


def replay(changes: list[Any]) -> tuple[dict[str, tuple[int, str]], dict[int, str]]:
    """Every claim there was, and by lead the token of those in hand; raises when a lead or a phone was in two hands."""
    claims: dict[str, tuple[int, str]] = {}
    leads: dict[int, str] = {}
    phones: dict[str, str] = {}
    for change in changes:
        if change.old_token is not None:
            assert leads.pop(change.lead_id) == phones.pop(change.old_phone) == change.old_token
        if change.new_token is not None:
            assert change.lead_id not in leads, "a lead in two hands"
            assert change.new_phone not in phones, "a phone in two hands"
            assert change.new_token not in claims, "a token twice"
            leads[change.lead_id] = phones[change.new_phone] = change.new_token
            claims[change.new_token] = (change.lead_id, change.new_phone)
    return claims, leads


def read_audit() -> list[Any]:
    database.session.rollback()
    return list(database.session.execute(sa.text("SELECT * FROM claim_audit ORDER BY id")).all())


def check_sums(company_id: int, held: int) -> None:
    """Claimed, ready and done are all the leads there are; a lead counts the calls that its logs hold."""
    database.session.rollback()
    states: Counter[str] = Counter(
        database.session.scalars(sa.select(HopperEntry.status).where(HopperEntry.company_id == company_id))
    )
    dialed = sa.select(sa.func.count(Lead.id)).where(Lead.company_id == company_id, Lead.dial_attempts > 0)
    done = dialed.where(~sa.exists().where(HopperEntry.lead_id == Lead.id))
    assert states["locked"] == held
    assert states["locked"] + states["ready"] + (database.session.scalar(done) or 0) == LEADS
    logs = sa.select(sa.func.count(CallLog.id)).where(CallLog.lead_id == Lead.id).scalar_subquery()
    wrong = sa.select(Lead.id).where(Lead.company_id == company_id, sa.or_(Lead.dial_attempts != logs, logs > 1))
    assert database.session.scalars(wrong).all() == []
    check_books(company_id)


@pytest.mark.usefixtures("audit")
def test_of_twenty_agents_ten_die_and_no_lead_or_phone_is_ever_in_two_hands_or_lost(
    app: Any, nursery: Nursery, set_clock: Any
) -> None:
    seen: Counter[str] = Counter()
    for seed in range(ROUNDS):
        set_clock(NOON)
        company_id, campaign_id = open_campaign()
        database.session.execute(sa.text("TRUNCATE claim_audit"))
        set_clock(NOON)  # and no connection but ours
        played = nursery.play(company_id, campaign_id, seed)
        assert played.errors == []
        assert wait_until(alone, 20)
        before = read_audit()
        claims, held = replay(before)
        assert played.took.items() <= claims.items(), "a claim that the database does not know"
        assert len(claims) - len(played.took) <= VICTIMS, "each of the dead was silent of one claim at most"
        logs = database.session.scalars(sa.select(CallLog).where(CallLog.company_id == company_id)).all()
        calls = {log.provider_call_id: log for log in logs}
        assert played.called <= calls.keys() <= claims.keys()
        check_sums(company_id, len(held))
        assert sweep_claims(company_id) == {"back": 0, "closed": 0, "done": 0}

        want = Counter(kind_of(calls.get(token)) for token in held.values())
        set_clock(NOON + timedelta(minutes=10, seconds=1))
        swept: list[dict[str, int]] = []
        assert at_once(app, [lambda swept=swept, of=company_id: swept.append(sweep_claims(of))] * 3) == []  # type: ignore[misc]
        total = sum((Counter(counts) for counts in swept), Counter())
        assert total == want
        after = read_audit()
        assert replay(after)[1] == {}
        ended = Counter(change.old_token for change in after[len(before) :])
        assert ended == Counter(held.values()), "each expired claim ends once"
        check_sums(company_id, 0)
        unknown = sa.select(CallLog.id).where(CallLog.company_id == company_id, CallLog.call_status == "unknown")
        assert len(database.session.scalars(unknown.where(CallLog.needs_review)).all()) == want["closed"]
        for token in held.values():
            with pytest.raises(ClaimLost):
                heartbeat(company_id, token)
        again = claim_next(company_id, campaign_id, fill=False)
        if again is not None:
            assert again.token not in claims
            release(company_id, again.token)
        silent = len(claims) - len(played.took)
        seen.update({"claims": len(claims), "silent": silent, "killed": len(played.killed), **want})
    print(ROUNDS, "rounds:", dict(seen))  # noqa: T201
    assert seen["killed"] >= 6 * ROUNDS
    assert min(seen["back"], seen["closed"], seen["done"]) > 0


def kind_of(call: CallLog | None) -> str:
    if call is None:
        return "back"
    return "closed" if call.is_open else "done"
