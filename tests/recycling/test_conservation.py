"""Nothing is lost, whatever is done in whatever order: the books balance after every step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.factories import make_call, make_company, make_lead, make_list, make_user
from webapp.core.db import db as database
from webapp.core.states import MoveRefused
from webapp.dialer.events import parse_event
from webapp.dialer.rules import FINAL_ORDER
from webapp.dialer.service import record_events
from webapp.leads.models import Lead
from webapp.leads.service.leads import StatusRefused, set_status
from webapp.leads.states import LEAD
from webapp.leads.tallies import by_status, fold_tallies, get_cells
from webapp.recycling.queries import fixable, problem_counts
from webapp.recycling.recycle import NONE, TARGETS, perform_recycle, start_recycle
from webapp.recycling.repair import perform_repair, start_repair
from webapp.recycling.undo import CannotUndo, perform_undo, start_undo

START = datetime(2026, 6, 1, tzinfo=UTC)
ENDS = [name for name in FINAL_ORDER if name != "unknown"]
SAID = [None, None, None, "sale", "callback", "not_interested", "invalid", "dnc", "qualified"]


class Books(RuleBasedStateMachine):
    @initialize()
    def open_company(self) -> None:
        self.company = make_company()
        self.user = make_user(self.company)
        self.lists = [make_list(self.company), make_list(self.company)]
        self.calls = 0
        self.lost: list[dict[str, Any]] = []
        self.batches: list[Any] = []

    def leads(self) -> list[int]:
        return list(
            database.session.scalars(sa.select(Lead.id).where(Lead.company_id == self.company.id).order_by(Lead.id))
        )

    @rule(which=st.integers(0, 1), status=st.sampled_from([*LEAD.names, None]), dials=st.integers(0, 3), calls=st.integers(0, 3),
          result=st.sampled_from(ENDS))  # fmt: skip
    def legacy_lead(self, which: int, status: str | None, dials: int, calls: int, result: str) -> None:
        """A lead as another system left it, with counters that need not agree with its calls."""
        lead = make_lead(self.lists[which], dial_attempts=dials, last_dial_attempt=START if dials else None)
        database.session.execute(sa.update(Lead).where(Lead.id == lead.id).values(status=status))
        database.session.commit()
        for number in range(calls):
            make_call(lead, result, started_at=START + timedelta(hours=number))

    @precondition(lambda self: self.leads())
    @rule(data=st.data(), size=st.integers(1, 6))
    def events(self, data: st.DataObject, size: int) -> None:
        """Events of new calls: some lost on the way, some twice, in any order."""
        told: list[dict[str, Any]] = []
        ids = self.leads()
        for _ in range(size):
            self.calls += 1
            base = {
                "provider": "pbx",
                "call_id": f"{self.company.id}-{self.calls}",
                "lead_id": data.draw(st.sampled_from(ids)),
            }
            start = START + timedelta(days=1, minutes=data.draw(st.integers(0, 600)))
            told.append(base | {"event_id": f"{base['call_id']}a", "type": "dialing", "occurred_at": start.isoformat()})
            end = {"event_id": f"{base['call_id']}b", "type": "ended", "call_status": data.draw(st.sampled_from(ENDS)),
                   "occurred_at": (start + timedelta(minutes=2)).isoformat()}  # fmt: skip
            said = data.draw(st.sampled_from(SAID))
            told.append(base | end | ({"disposition": said} if said else {}))
        shuffled = data.draw(st.permutations(told))
        cut = data.draw(st.integers(0, len(shuffled)))
        self.lost += shuffled[cut:]
        self.send(shuffled[:cut] + data.draw(st.lists(st.sampled_from(told), max_size=3)))

    @precondition(lambda self: self.lost)
    @rule()
    def resend(self) -> None:
        sent, self.lost = self.lost, []
        self.send(sent)

    def send(self, told: list[dict[str, Any]]) -> None:
        outcomes = record_events(self.company.id, [parse_event(event) for event in told])
        assert all(outcome.outcome in ("applied", "stale", "duplicate") for outcome in outcomes)

    @rule(which=st.sampled_from([None, 0, 1]))
    def repair_twice(self, which: int | None) -> None:
        scope = {} if which is None else {"list_id": self.lists[which].id}
        first = start_repair(self.company.id, by=self.user, **scope)
        perform_repair(first.id)
        if which is None:
            live = sa.text("SELECT count(*) FROM leads l WHERE company_id = :c AND problem IS NOT NULL AND EXISTS"
                           " (SELECT 1 FROM call_logs k WHERE k.lead_id = l.id AND k.is_open)")  # fmt: skip
            assert fixable(problem_counts(self.company.id)) <= database.session.scalar(live, {"c": self.company.id})
        second = start_repair(self.company.id, by=self.user, **scope)
        perform_repair(second.id)
        database.session.refresh(first)
        database.session.refresh(second)
        assert (first.state, second.state, second.done) == ("done", "done", 0)
        self.batches.append(first)

    @rule(which=st.integers(0, 1), statuses=st.sets(st.sampled_from([*LEAD.names, NONE]), min_size=1, max_size=4),
          becomes=st.sampled_from(TARGETS), reset=st.booleans())  # fmt: skip
    def recycle(self, which: int, statuses: set[str], becomes: str, reset: bool) -> None:
        batch = start_recycle(self.lists[which], sorted(statuses), becomes, reset_dial_count=reset, by=self.user)
        perform_recycle(batch.id)
        database.session.refresh(batch)
        assert (batch.state, batch.done, batch.handled) == ("done", batch.preview["recycled"], batch.total)
        self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        try:
            row = start_undo(batch, by=self.user)
        except CannotUndo:
            assert not batch.done
            return
        perform_undo(row.id)
        database.session.refresh(row)
        assert (row.state, row.handled) == ("done", row.total)

    @precondition(lambda self: self.leads())
    @rule(data=st.data(), to=st.sampled_from(LEAD.names))
    def person(self, data: st.DataObject, to: str) -> None:
        try:
            set_status(data.draw(st.sampled_from(self.leads())), to, by=self.user, reason="because")
        except (MoveRefused, StatusRefused):
            database.session.rollback()

    @rule()
    def fold(self) -> None:
        fold_tallies()

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "company"):
            return
        database.session.expire_all()
        real = dict(
            database.session.execute(
                sa.select(Lead.status, sa.func.count()).where(Lead.company_id == self.company.id).group_by(Lead.status)
            ).all()
        )
        assert by_status(get_cells(self.company.id)) == real
        wrong = database.session.execute(sa.text(WRONG), {"c": self.company.id}).all()
        assert wrong == []


WRONG = """
SELECT l.id, l.status, last.new_status, l.call_count, logs.calls, l.last_result_at, logs.result_at
FROM leads l
LEFT JOIN LATERAL (SELECT new_status FROM status_changes c WHERE c.machine = 'lead' AND c.subject_id = l.id ORDER BY id DESC LIMIT 1)
  AS last ON true
CROSS JOIN LATERAL (SELECT count(*) AS calls, max(result_at) AS result_at FROM call_logs k WHERE k.lead_id = l.id) AS logs
WHERE l.company_id = :c AND (
  (last.new_status IS NOT NULL AND last.new_status IS DISTINCT FROM l.status)
  OR l.call_count <> logs.calls OR l.last_result_at IS DISTINCT FROM logs.result_at)
"""


@pytest.mark.usefixtures("db")
def test_any_sequence_of_events_repairs_recyclings_and_undos_keeps_the_books() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
