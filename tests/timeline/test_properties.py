"""Whatever is logged, answered, taken back, corrected or hidden, in whatever order: the summary is what its rows say."""

from __future__ import annotations

from datetime import datetime, timedelta
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
from tests.recycling.test_conservation import WRONG
from webapp.core.db import db as database
from webapp.leads.models import Lead
from webapp.timeline import service
from webapp.timeline.merging import fingerprint, merge
from webapp.timeline.models import ContactAttempt, ContactRevision
from webapp.timeline.service import ContactRefused, Draft
from webapp.timeline.states import METHODS
from webapp.timeline.summary import mend_drift
from webapp.timeline.unmerging import undo

METHOD = st.sampled_from(list(METHODS))
HOURS = st.integers(1, 400)


def facts_of(rows: list[ContactAttempt], calls: list[Any]) -> tuple[Any, ...]:
    """The slow and obvious summary: count, last time, its method, last response."""
    ours = [
        row
        for row in rows
        if row.direction == "outbound" and not row.hidden_at and row.state != "failed" and not row.scheduled_for
    ]
    said = [row.response_at for row in rows if row.direction == "outbound" and not row.hidden_at and row.response_at]
    said += [row.occurred_at for row in rows if row.direction == "inbound" and not row.hidden_at]
    reached = [call for call in calls if call.call_status not in ("failed", "network", "congestion", "invalid_number")]
    last = max(ours, key=lambda row: (row.occurred_at, row.id), default=None)
    dial = max((call.started_at for call in reached), default=None)
    if dial is not None and (last is None or dial > last.occurred_at):
        at, method = dial, "call"
    else:
        at, method = (last.occurred_at, last.method) if last else (None, None)
    return len(ours) + len(reached), at, method, max(said, default=None)


class Timeline(RuleBasedStateMachine):
    @initialize()
    def open_company(self) -> None:
        self.company = make_company()
        self.boss = make_user(self.company, "manager")
        lead_list = make_list(self.company)
        self.leads = [make_lead(lead_list).id for _ in range(3)]
        self.merges: list[tuple[int, int]] = []
        self.now: datetime = database.session.scalar(sa.func.rebound_now())

    def alive(self, which: int) -> int:
        return self.leads[which % len(self.leads)]

    def contacts(self) -> list[ContactAttempt]:
        database.session.rollback()
        query = sa.select(ContactAttempt).where(ContactAttempt.company_id == self.company.id)
        return list(
            database.session.scalars(query.order_by(ContactAttempt.id), execution_options={"populate_existing": True})
        )

    @rule(
        which=st.integers(0, 2),
        method=METHOD,
        direction=st.sampled_from(["outbound", "outbound", "inbound"]),
        hours=HOURS,
        answered=st.booleans(),
    )
    def log(self, which: int, method: str, direction: str, hours: int, answered: bool) -> None:
        draft = Draft(
            method,
            direction,
            occurred_at=self.now - timedelta(hours=hours),
            responded=answered and direction == "outbound",
        )
        assert service.log_contact(self.alive(which), draft, by=self.boss).contact is not None

    @rule(which=st.integers(0, 2), method=METHOD)
    def send(self, which: int, method: str) -> None:
        """Now: written, or warned or refused by what is there."""
        answer = service.log_contact(self.alive(which), Draft(method), by=self.boss)
        if answer.token:
            again = service.log_contact(
                self.alive(which), Draft(method), by=self.boss, token=answer.token, reason="anyway"
            )
            assert again.contact is not None

    @rule(which=st.integers(0, 2), result=st.sampled_from(["no_answer", "answered", "congestion"]), hours=HOURS)
    def dial(self, which: int, result: str, hours: int) -> None:
        make_call(
            database.session.get_one(Lead, self.alive(which)), result, started_at=self.now - timedelta(hours=hours)
        )

    @precondition(lambda self: self.contacts())
    @rule(data=st.data(), responded=st.booleans(), minutes=st.integers(0, 3_000))
    def respond(self, data: st.DataObject, responded: bool, minutes: int) -> None:
        contact = data.draw(st.sampled_from(self.contacts()))
        before = (contact.responded, contact.response_at)
        at = min(contact.occurred_at + timedelta(minutes=minutes), self.now) if responded else None
        try:
            service.set_responded(contact.id, responded, by=self.boss, response_at=at)
        except ContactRefused:
            database.session.rollback()
            database.session.refresh(contact)
            assert (contact.responded, contact.response_at) == before

    @precondition(lambda self: self.contacts())
    @rule(data=st.data(), method=METHOD, direction=st.sampled_from(["outbound", "inbound"]), hours=HOURS)
    def correct(self, data: st.DataObject, method: str, direction: str, hours: int) -> None:
        contact = data.draw(st.sampled_from(self.contacts()))
        at = self.now - timedelta(hours=hours)
        try:
            service.correct(
                contact.id, by=self.boss, reason="mixed up", method=method, direction=direction, occurred_at=at
            )
        except ContactRefused:
            assert contact.responded

    @precondition(lambda self: self.contacts())
    @rule(data=st.data(), back=st.booleans())
    def hide(self, data: st.DataObject, back: bool) -> None:
        contact = data.draw(st.sampled_from(self.contacts()))
        if back:
            service.unhide(contact.id, by=self.boss)
        else:
            service.hide(contact.id, by=self.boss, reason="by mistake")

    @precondition(lambda self: len(self.leads) > 1)
    @rule(kept=st.integers(0, 2), gone=st.integers(0, 2))
    def merge(self, kept: int, gone: int) -> None:
        survivor, other = self.alive(kept), self.alive(gone)
        if survivor != other:
            seen = fingerprint(self.company.id, [survivor, other])
            made = merge(survivor, [other], {}, seen, by=self.boss)
            self.merges.append((made[-1].id, other))
            self.leads.remove(other)

    @precondition(lambda self: self.merges)
    @rule()
    def take_apart(self) -> None:
        merge_id, gone = self.merges.pop()
        undo(merge_id, by=self.boss)
        self.leads.append(gone)

    @invariant()
    def the_summary_is_what_the_rows_say(self) -> None:
        database.session.rollback()
        contacts = self.contacts()
        for lead in database.session.scalars(
            sa.select(Lead).where(Lead.company_id == self.company.id), execution_options={"populate_existing": True}
        ):
            calls = database.session.execute(
                sa.text("SELECT call_status, started_at FROM call_logs WHERE lead_id = :id"), {"id": lead.id}
            ).all()
            real = facts_of([contact for contact in contacts if contact.lead_id == lead.id], list(calls))
            assert (lead.contact_count, lead.last_contacted_at, lead.last_contact_method, lead.last_response_at) == real
        assert database.session.execute(sa.text(WRONG), {"c": self.company.id}).all() == []

    def teardown(self) -> None:
        assert mend_drift(self.company.id) == 0
        for revision in database.session.scalars(
            sa.select(ContactRevision).where(ContactRevision.company_id == self.company.id)
        ):
            assert revision.before.keys() == revision.after.keys()


@pytest.mark.usefixtures("db")
def test_any_sequence_of_contacts_and_second_thoughts_keeps_summary_and_ledger_true() -> None:
    run_state_machine_as_test(
        Timeline,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
