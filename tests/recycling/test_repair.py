"""Problematic leads: what is fixed, what is listed, and that nothing is fixed twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user
from webapp.core.audit import StatusChange
from webapp.core.db import db as database
from webapp.leads.models import Lead, LeadList
from webapp.recycling.lead_status import get_lead_status_service
from webapp.recycling.queries import preview_repair, problem_counts
from webapp.recycling.recycle import perform_recycle, start_recycle
from webapp.recycling.repair import perform_repair, start_repair
from webapp.recycling.undo import perform_undo, start_undo

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def facts(lead: Lead) -> tuple[Any, ...]:
    database.session.refresh(lead)
    return lead.status, lead.dial_attempts, lead.answered_count


def repair(company_id: int, **scope: Any) -> Any:
    row = start_repair(company_id, by=None, **scope)
    perform_repair(row.id)
    database.session.refresh(row)
    return row


@pytest.fixture
def s7(db: Any) -> dict[str, Lead]:
    lead_list = make_list(make_company())
    p = {
        "P1": make_lead(lead_list, dial_attempts=2, last_dial_attempt=NOON),
        "P2": make_lead(lead_list),
        "P3": make_lead(lead_list),
        "P4": make_lead(lead_list),
        "P5": make_lead(lead_list, dial_attempts=1, last_dial_attempt=NOON),
        "P6": make_lead(lead_list, status="dnc", dial_attempts=1, last_dial_attempt=NOON, last_status_change=NOON),
        "P7": make_lead(lead_list, dial_attempts=1, last_dial_attempt=NOON),
        "P8": make_lead(
            lead_list, status="contacted", dial_attempts=5, last_dial_attempt=NOON, last_status_change=NOON
        ),
    }
    for name in ("P3", "P4"):
        database.session.execute(sa.update(Lead).where(Lead.id == p[name].id).values(status=None))
    make_call(p["P1"], "no_answer", started_at=NOON - timedelta(hours=1))
    make_call(p["P1"], "busy", started_at=NOON)
    for minute in range(3):
        make_call(p["P2"], "no_answer", started_at=NOON + timedelta(minutes=minute))
    make_call(p["P4"], "answered", disposition="sale", disposition_at=NOON, started_at=NOON)
    make_call(p["P6"], "no_answer", started_at=NOON - timedelta(days=2))
    make_call(p["P7"], "dialing", started_at=datetime.now(UTC) - timedelta(minutes=3))
    for hour in range(4):
        make_call(p["P8"], "no_answer", started_at=NOON - timedelta(days=1, hours=hour))
    return p


def test_s7_repairs_what_it_can_and_lists_the_rest(s7: dict[str, Lead]) -> None:
    company_id = s7["P1"].company_id
    expected = {
        "P1": ("busy", 2, 0), "P2": ("no_answer", 3, 0), "P3": ("new", 0, 0), "P4": ("sale", 1, 1), "P5": ("new", 1, 0),
        "P6": ("dnc", 1, 0), "P7": ("new", 1, 0), "P8": ("contacted", 5, 0),
    }  # fmt: skip
    dry = {row.id: row.to_status for row in preview_repair(company_id) if not row.in_call}
    assert dry == {s7[name].id: expected[name][0] for name in ("P1", "P2", "P3", "P4")}
    row = repair(company_id)
    assert (row.state, row.done) == ("done", 4)
    assert {name: facts(lead) for name, lead in s7.items()} == expected
    assert s7["P2"].last_dial_attempt == NOON + timedelta(minutes=2)
    ledger = database.session.execute(
        sa.select(StatusChange.subject_id, StatusChange.new_status, StatusChange.evidence_id).where(
            StatusChange.batch_id == row.batch_id, StatusChange.cause == "repair"
        )
    ).all()
    assert {(r.subject_id, r.new_status) for r in ledger} == {
        (s7[n].id, expected[n][0]) for n in ("P1", "P2", "P3", "P4")
    }
    assert all(r.evidence_id for r in ledger if r.subject_id != s7["P3"].id)
    listed = problem_counts(company_id)
    assert {name: number for name, number in listed.items() if number} == {
        "count_without_log": 1,
        "count_mismatch_above": 1,
    }
    again = repair(company_id)
    assert (again.done, again.skipped) == (0, 0)
    assert database.session.scalar(sa.select(sa.func.count()).where(StatusChange.batch_id == again.batch_id)) == 0


def test_a_lead_recycled_after_its_last_call_is_no_problem_and_keeps_its_new_status(db: Any) -> None:
    company = make_company()
    lead = make_lead(
        make_list(company), status="no_answer", dial_attempts=1, last_dial_attempt=NOON, last_status_change=NOON
    )
    make_call(lead, "no_answer", started_at=NOON)
    user = make_user(company)
    batch = start_recycle(
        database.session.get(LeadList, lead.list_id), ["no_answer"], "new", reset_dial_count=False, by=user
    )
    perform_recycle(batch.id)
    assert facts(lead)[:2] == ("new", 1)
    assert (lead.problem, lead.pass_number) == (None, 2)
    assert repair(company.id).done == 0
    assert facts(lead)[0] == "new"


def test_a_repair_can_be_undone_and_then_counts_as_a_problem_again(s7: dict[str, Lead]) -> None:
    company_id = s7["P1"].company_id
    before = problem_counts(company_id)
    row = repair(company_id)
    undo = start_undo(row, by=make_user())
    perform_undo(undo.id)
    database.session.refresh(undo)
    assert (undo.done, undo.result) == (2, {"missing": 2})
    assert (facts(s7["P1"]), facts(s7["P2"])) == (("new", 2, 0), ("new", 0, 0))
    fixed_for_good = 2  # P3 and P4 had no status, which is not put back
    assert sum(problem_counts(company_id).values()) == sum(before.values()) - fixed_for_good
    assert start_undo(row, by=make_user()).id == undo.id


def test_an_undo_leaves_alone_who_was_dialed_since(s7: dict[str, Lead]) -> None:
    row = repair(s7["P1"].company_id)
    make_call(s7["P1"], "answered", started_at=NOON + timedelta(hours=3))
    undo = start_undo(row, by=make_user())
    perform_undo(undo.id)
    database.session.refresh(undo)
    assert undo.result == {"dialed": 1, "missing": 2}


def test_a_call_without_an_end_is_closed_as_unknown_and_counted_once(db: Any) -> None:
    company = make_company()
    lead = make_lead(make_list(company), dial_attempts=1, last_dial_attempt=NOON)
    call = make_call(lead, "ringing", started_at=datetime.now(UTC) - timedelta(hours=3))
    assert problem_counts(company.id)["open_call"] == 1
    repair(company.id)
    database.session.refresh(call)
    assert (call.call_status, call.needs_review, facts(lead)) == ("unknown", True, ("failed", 1, 0))
    assert sum(problem_counts(company.id).values()) == 0


def test_five_thousand_and_more_are_fixed_in_chunks_not_refused(db: Any) -> None:
    company = make_company()
    lead_list = make_list(company)
    database.session.execute(
        sa.text("INSERT INTO leads (company_id, list_id, status) SELECT :c, :l, NULL FROM generate_series(1, 11000)"),
        {"c": company.id, "l": lead_list.id},
    )
    database.session.commit()
    row = repair(company.id)
    assert (row.done, problem_counts(company.id)["missing_status"]) == (11_000, 0)


def test_the_service_answers_by_the_seeds_names(s7: dict[str, Lead]) -> None:
    service = get_lead_status_service(s7["P1"].company_id)
    assert service.find_leads_with_missing_status()["total_issues"] == 6
    dry = service.fix_leads_with_missing_status(dry_run=True)
    assert dry["leads_fixed"] == 4
    done = service.fix_leads_with_missing_status()
    assert done["leads_fixed"] == 4
    assert done["status_distribution"] == {"busy": 1, "no_answer": 1, "new": 1, "sale": 1} == dry["status_distribution"]
    changed = service.update_lead_from_call_result(s7["P3"].id, "busy")
    assert (changed["old_status"], changed["new_status"], changed["dial_attempts"]) == ("new", "busy", 1)
    again = service.update_lead_from_call_result(s7["P3"].id, "answered", disposition="callback", increment_dial=False)
    assert (again["new_status"], again["dial_attempts"]) == ("callback", 1)
    with pytest.raises(ValueError, match="unknown call status"):
        service.update_lead_from_call_result(s7["P3"].id, "sang")
    with pytest.raises(LookupError):
        get_lead_status_service(make_company().id).update_lead_from_call_result(s7["P3"].id, "busy")


def test_the_command_prints_the_seeds_report_and_tells_by_its_exit_what_remains(
    s7: dict[str, Lead], runner: Any
) -> None:
    report = runner.invoke(args=["fix-lead-status", "--report-only"])
    assert report.exit_code == 1
    assert "Total issues found: 6" in report.output
    assert runner.invoke(args=["fix-lead-status", "--dry-run"]).exit_code == 1
    fixed = runner.invoke(args=["fix-lead-status"])
    assert fixed.exit_code == 0
    assert "Leads fixed: 4" in fixed.output
    assert "Successfully fixed 4 leads!" in fixed.output
    assert runner.invoke(args=["fix-lead-status", "--campaign", "999999"]).exit_code == 2
