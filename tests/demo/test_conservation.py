"""What the program promises of any company holds for the demo company, and what is planted in it is found."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import sqlalchemy as sa

from tests.demo.conftest import SCALE
from webapp.accounts.models import User
from webapp.accounts.service.sessions import WrongPassword, authenticate
from webapp.core.db import db
from webapp.demo.plan import HIDDEN_RESULTS, LISTS, PLANTED, make_plan, planted_counts
from webapp.demo.service import SEED
from webapp.dialer.fold import said_sql
from webapp.dialer.models import Callback, CallLog, DialCampaign, RecycleRule
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.tallies import by_status, get_cells
from webapp.recycling.queries import problem_counts
from webapp.timeline.models import DncEntry


def one(text: str, **values):
    return db.session.execute(sa.text(text), values).one()


def count(model, *tests) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*tests))


def test_the_promised_numbers_of_leads_calls_and_lists_are_there(demo):
    assert count(Lead) == 500
    assert count(CallLog) == 1200
    assert count(LeadList, LeadList.is_demo) == len(LISTS) == 5
    assert count(DialCampaign, DialCampaign.is_demo) == 2
    assert count(RecycleRule) == 10
    assert count(User, User.password_hash.is_(None)) == 6


def test_the_breakdown_of_every_list_sums_to_the_list(demo):
    sizes = dict(db.session.execute(sa.select(Lead.list_id, sa.func.count()).group_by(Lead.list_id)).all())
    for list_id, size in sizes.items():
        cells = get_cells(demo.company_id, list_id=list_id)
        found = dict(
            db.session.execute(
                sa.select(Lead.status, sa.func.count()).where(Lead.list_id == list_id).group_by(Lead.status)
            ).all()
        )
        assert by_status(cells) == found
        assert sum(found.values()) == size


def test_every_status_equals_the_last_row_of_its_ledger(demo):
    wrong = one(
        """
        SELECT count(*) FILTER (WHERE last.found IS NULL OR last.new_status IS DISTINCT FROM l.status) AS status,
               count(*) FILTER (WHERE last.earlier IS DISTINCT FROM last.old_status) AS chain
        FROM leads l LEFT JOIN LATERAL (
          SELECT true AS found, new_status, old_status,
                 (SELECT new_status FROM status_changes p WHERE p.machine = 'lead' AND p.subject_id = l.id AND p.id < s.id
                  ORDER BY id DESC LIMIT 1) AS earlier
          FROM status_changes s WHERE machine = 'lead' AND subject_id = l.id ORDER BY id DESC LIMIT 1
        ) last ON true
        """
    )
    assert wrong == (0, 0)


def test_the_ledger_names_the_call_behind_each_change(demo):
    assert one(
        """
        SELECT count(*) FROM status_changes s LEFT JOIN call_logs c ON c.id = s.evidence_id AND c.lead_id = s.subject_id
        WHERE s.cause IN ('call', 'disposition') AND (c.result IS DISTINCT FROM s.new_status OR c.result_at <> s.created_at)
        """
    ) == (0,)


def test_the_calls_of_each_lead_are_counted_right(demo):
    assert one(
        """
        SELECT count(*) FROM leads l LEFT JOIN LATERAL (
          SELECT count(*) AS calls, max(result_at) AS result_at FROM call_logs WHERE lead_id = l.id) c ON true
        WHERE (l.call_count, l.last_result_at) IS DISTINCT FROM (c.calls::int, c.result_at)
        """
    ) == (0,)


def test_whatever_is_not_planted_is_what_the_program_would_have_made_of_the_calls(demo):
    rows = db.session.execute(
        sa.text(
            f"""
            WITH touched AS (SELECT id FROM leads), {said_sql()}
            SELECT l.problem, said.seen, said.to_status, said.calls, said.answered, l.answered_count, l.dial_attempts, l.pass_dials,
                   l.last_dial_attempt, said.last_started, l.dial_result, said.last_call_status
            FROM said JOIN leads l USING (id)
            """
        )
    ).all()
    whole = [row for row in rows if row.problem is None]
    assert len(whole) == len(rows) - sum(
        v for k, v in planted_counts(SCALE).items() if k not in ("open_call", "callback_mismatch")
    )
    for row in whole:
        assert row.seen == row.to_status
        assert row.dial_attempts == row.pass_dials == row.calls
        assert row.answered_count == row.answered
        assert row.last_dial_attempt == row.last_started
        assert row.dial_result == (row.last_call_status or "")


def test_the_planted_problems_are_found_exactly(demo):
    assert problem_counts(demo.company_id) == dict.fromkeys(PROBLEMS, 0) | planted_counts(SCALE)


def test_at_full_size_a_repair_will_find_the_results_of_the_example():
    plan = make_plan(SEED)
    found = {name: list(plan.hidden.values()).count(name) for name in HIDDEN_RESULTS}
    assert found == HIDDEN_RESULTS
    assert sum(found.values()) == PLANTED["dialed_but_new"] + PLANTED["calls_without_tracking"] == 585
    assert plan.leads == 25_000
    assert sum(plan.dials) == 60_000
    assert planted_counts()["callback_mismatch"] == 8


def test_every_lead_that_waits_for_a_callback_has_one_but_the_planted(demo):
    without = one("SELECT count(*) FROM leads l WHERE status = 'callback' AND NOT EXISTS "
                  "(SELECT FROM callbacks c WHERE c.lead_id = l.id AND state <> 'closed')")  # fmt: skip
    assert without == (1,)
    assert count(Callback, Callback.state != "closed") > 3
    assert one(
        "SELECT count(*) FROM callbacks c JOIN call_logs k ON k.id = c.call_log_id WHERE c.due_at <= k.started_at"
    ) == (0,)


def test_who_said_no_is_on_the_do_not_contact_list(demo):
    assert one("SELECT count(*) FROM leads l WHERE status = 'dnc' AND NOT EXISTS "
               "(SELECT FROM dnc_entries d WHERE d.kind = 'phone' AND d.value = l.phone)") == (0,)  # fmt: skip
    assert one("SELECT count(*) FROM leads l JOIN dnc_entries d ON d.kind = 'phone' AND d.value = l.phone "
               "WHERE l.status IS DISTINCT FROM 'dnc'") == (0,)  # fmt: skip
    assert count(DncEntry, DncEntry.kind == "domain") == 1


def test_nobody_can_be_reached_by_accident(demo):
    for lead in db.session.scalars(sa.select(Lead)):
        assert lead.email is None or lead.email.endswith(".example.com")
        assert not lead.website or lead.website.endswith(".example.com")
        if lead.phone:
            assert lead.phone[5:10] == "55501"
            assert len(lead.phone) == 12
            assert phonenumbers.is_valid_number(phonenumbers.parse(lead.phone))
        assert lead.zone.startswith(("America/", "Pacific/"))
        assert lead.city
        assert len(lead.state) == 2
        assert len(lead.postal_code) == 5


def test_calls_were_made_in_business_hours_of_the_lead_in_the_last_60_days(demo):
    asked = one("SELECT created_at FROM demo_loads").created_at
    for started, ended, zone in db.session.execute(
        sa.select(CallLog.started_at, CallLog.ended_at, Lead.zone).join(Lead, Lead.id == CallLog.lead_id)
    ):
        local = started.astimezone(ZoneInfo(zone))
        assert local.weekday() < 5
        assert 9 <= local.hour < 18
        assert asked - timedelta(days=62) < started < (ended or asked) <= asked


def test_nobody_signs_in_as_an_invented_colleague(demo):
    email = db.session.scalar(sa.select(User.email).where(User.password_hash.is_(None)).limit(1))
    with pytest.raises(WrongPassword):
        authenticate(email, "", None)


def test_some_callbacks_belong_to_the_person_who_asked_for_the_demo(demo):
    assert count(Callback, Callback.agent_id == demo.user_id) > 0


def test_the_messages_of_each_lead_are_counted_right_and_follow_its_calls(demo):
    from webapp.timeline.summary import mend_drift

    assert mend_drift(demo.company_id) == 0
    told = one(
        "SELECT count(*) AS n, count(*) FILTER (WHERE responded) AS answered,"
        " count(*) FILTER (WHERE occurred_at > rebound_now() OR response_at > rebound_now()) AS ahead FROM contact_attempts"
    )
    assert (told.n > 10, told.answered > 0, told.ahead) == (True, True, 0)
    early = one(
        "SELECT count(*) AS n FROM contact_attempts a JOIN leads l ON l.id = a.lead_id WHERE a.occurred_at < l.last_dial_attempt"
    )
    assert early.n == 0
