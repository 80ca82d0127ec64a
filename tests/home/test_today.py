from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.accounts.models import ApiKey
from webapp.core.db import db as database
from webapp.dialer.models import Callback
from webapp.home import queries
from webapp.leads.states import LEAD
from webapp.recycling.models import Repair
from webapp.reports.models import Export
from webapp.timeline.service import Draft, log_contact


@pytest.fixture
def noon(db):
    """The database's clock stands at noon of this day in UTC, where the company is."""
    at = midday()

    def travel(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT set_config('rebound.now', %s, true)", (at.isoformat(),))

    sa.event.listen(db.engine, "begin", travel)
    yield at
    sa.event.remove(db.engine, "begin", travel)


@pytest.fixture
def company(db):
    return make_company("Acme", zone="UTC")


def promise(lead, due_at, agent=None, **facts) -> Callback:
    row = Callback(
        company_id=lead.company_id, lead_id=lead.id, due_at=due_at, agent_id=agent.id if agent else None, **facts
    )
    database.session.add(row)
    database.session.commit()
    return row


def midday() -> datetime:
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def test_today_shows_my_callbacks_and_anyones_but_never_a_colleagues(db, client, company):
    me, colleague = make_user(company, "rep"), make_user(company, "rep")
    lead_list = make_list(company)
    mine, theirs, anyones = (
        make_lead(lead_list, first_name=name, status="callback") for name in ("Mine", "Theirs", "Anyones")
    )
    promise(mine, midday(), me)
    promise(theirs, midday(), colleague)
    promise(anyones, midday())
    sign_in(client, me)
    page = client.get("/").text
    assert "Mine" in page
    assert "Anyones" in page
    assert "Theirs" not in page


def test_callbacks_of_tomorrow_are_not_todays_but_the_next_one_is_named(noon, company):
    me = make_user(company, "rep")
    lead = make_lead(make_list(company), status="callback")
    promise(lead, noon + timedelta(days=1), me)
    found = queries.my_callbacks(me)
    assert (found.rows, found.due, found.next_at) == ([], 0, noon + timedelta(days=1))


def test_an_empty_day_says_all_clear_and_when_the_next_callback_is(db, client, company):
    me = make_user(company, "rep")
    promise(make_lead(make_list(company), status="callback"), midday() + timedelta(days=2), me)
    sign_in(client, me)
    page = client.get("/").text
    assert "All clear" in page
    assert "Next callback" in page


def test_overdue_and_closed_callbacks_are_told_apart(noon, company):
    me = make_user(company, "rep")
    lead_list = make_list(company)
    promise(make_lead(lead_list), noon - timedelta(hours=1), me)
    promise(make_lead(lead_list), noon + timedelta(hours=1), me)
    promise(make_lead(lead_list), noon, me, state="closed")
    assert [row.overdue for row in queries.my_callbacks(me).rows] == [True, False]


def test_more_callbacks_than_fit_are_counted(noon, company):
    me = make_user(company, "rep")
    lead_list = make_list(company)
    for minutes in range(11):
        promise(make_lead(lead_list), noon + timedelta(minutes=minutes), me)
    found = queries.my_callbacks(me)
    assert (len(found.rows), found.due) == (queries.SHOWN, 11)


def test_another_companys_callbacks_work_and_numbers_are_not_shown(db, client, company):
    me = make_user(company)
    stranger = make_user()
    lead = make_lead(make_list(stranger.company, name="Foreign list"), first_name="Foreign")
    promise(lead, midday())
    make_call(lead, "answered", started_at=datetime.now(UTC) - timedelta(minutes=5))
    database.session.add(
        Export(
            company_id=stranger.company_id,
            kind="status_report",
            format="pdf",
            title="Foreign",
            state="running",
            job="export",
        )
    )
    database.session.add(Export(company_id=stranger.company_id, kind="status_report", format="pdf", title="Foreign", state="failed", job="export",
                                finished_at=datetime.now(UTC), message="Foreign failure"))  # fmt: skip
    sign_in(client, me)
    page = client.get("/").text
    assert "Foreign" not in page
    assert "Running work" not in page
    assert queries.team_numbers(company.id, "UTC").dials == 0


def test_a_rep_sees_the_running_work_they_asked_for_and_a_manager_all(db, company):
    rep, manager = make_user(company, "rep"), make_user(company, "manager")
    for user in (rep, manager):
        database.session.add(
            Export(
                company_id=company.id,
                kind="status_report",
                format="pdf",
                title="x",
                state="running",
                job="export",
                requested_by_id=user.id,
            )
        )
    database.session.flush()
    assert len(queries.running_work(rep)) == 1
    assert len(queries.running_work(manager)) == 2


def test_the_running_block_is_silent_while_nothing_changes_and_rests_at_the_end(db, client, company):
    manager = make_user(company, "manager")
    export = Export(
        company_id=company.id,
        kind="status_report",
        format="pdf",
        title="x",
        state="running",
        job="export",
        total=10,
        done=4,
    )
    database.session.add(export)
    sign_in(client, manager)
    block = client.htmx("/running")
    version = block.text.partition("?v=")[2].partition('"')[0]
    assert "4 of 10" in block.text
    assert client.htmx(f"/running?v={version}").status_code == 204
    export.version, export.done = 1, 5
    assert "5 of 10" in client.htmx(f"/running?v={version}").text
    export.state = "done"
    done = client.htmx(f"/running?v={version}").text
    assert "Nothing is running any more" in done
    assert "hx-get" not in done
    assert client.get("/running").status_code == 303


def test_the_team_is_counted_over_the_companys_day(noon, company):
    ana, ben = make_user(company, "rep", name="Ana"), make_user(company, "rep", name="Ben")
    lead = make_lead(make_list(company))
    for minutes, agent, status in (
        (10, ana, "answered"),
        (20, ana, "no_answer"),
        (30, ana, "busy"),
        (40, ben, "answered"),
    ):
        make_call(lead, status, started_at=noon - timedelta(minutes=minutes), agent_id=agent.id)
    make_call(lead, "answered", started_at=noon - timedelta(hours=13), agent_id=ben.id)
    team = queries.team_numbers(company.id, "UTC")
    assert (team.dials, team.contacts, team.rate, team.is_today) == (4, 2, 0.5, True)
    assert team.agents == [(ana.id, "Ana", 3, 1), (ben.id, "Ben", 1, 1)]


def test_before_the_first_dial_of_the_day_the_last_days_numbers_are_shown(noon, company):
    lead = make_lead(make_list(company))
    make_call(lead, "answered", started_at=noon - timedelta(days=3), agent_name="Dialer 1")
    make_call(lead, "busy", started_at=noon - timedelta(days=3, hours=1), agent_name="Dialer 2")
    make_call(lead, "busy", started_at=noon - timedelta(days=4))
    team = queries.team_numbers(company.id, "UTC")
    assert (team.is_today, team.dials, team.contacts, team.day) == (False, 2, 1, (noon - timedelta(days=3)).date())
    assert {name for _, name, _, _ in team.agents} == {"Dialer 1", "Dialer 2"}


def test_a_manager_is_alerted_to_problems_by_class_and_a_rep_is_not(db, client, company):
    make_lead(make_list(company), status=sa.null())
    sign_in(client, make_user(company, "manager"))
    page = client.get("/").text
    assert "1 problematic lead" in page
    assert "<strong>1</strong> missing status" in page
    client.post("/logout")
    sign_in(client, make_user(company, "rep"))
    assert "problematic" not in client.get("/").text


def test_the_strip_of_a_list_adds_up_to_the_list_with_none_named(db, company):
    lead_list = make_list(company)
    for status in ("new", "busy", "contacted", "sale", "dnc", sa.null()):
        make_lead(lead_list, status=status)
    (entry,) = queries.lists_at_a_glance(company.id, queries.company_cells(company.id))
    assert entry["leads"] == 6
    assert [(part["label"], part["count"]) for part in entry["parts"]] == [
        ("Not reached yet", 1), ("Trying", 1), ("In contact", 1), ("Won", 1), ("Closed", 1), ("(none)", 1),
    ]  # fmt: skip


def test_every_status_has_its_place_on_the_strip():
    named = [name for _, _, names in queries.GROUPS for name in names]
    assert sorted(named) == sorted(LEAD.names)


# --- first steps ---------------------------------------------------------------------------------------------


def test_the_first_steps_are_ticked_off_and_go_away_when_all_are_done(db, client, company):
    user = make_user(company)
    sign_in(client, user)
    assert "1 of 5 done" in client.get("/").text
    make_lead(make_list(company))
    assert "2 of 5 done" in client.get("/").text
    database.session.add(Repair(company_id=company.id, classes=[], batch_id=uuid4(), state="done", job="repair"))
    assert "3 of 5 done" in client.get("/").text
    database.session.add(ApiKey(company_id=company.id, name="Dialer", prefix="rb_1", token_hash="x", scopes=[]))
    assert "4 of 5 done" in client.get("/").text
    database.session.add(
        Export(company_id=company.id, kind="status_report", format="pdf", title="x", state="done", job="export")
    )
    assert "First steps" not in client.get("/").text


def test_the_first_steps_can_be_put_away(db, client, company):
    sign_in(client, make_user(company, preferences={"compact_rows": True}))
    assert "First steps" in client.get("/").text
    assert client.post("/first-steps/dismiss").status_code == 303
    assert 'id="first-steps"' not in client.get("/").text
    assert database.session.scalar(sa.text("SELECT preferences->>'compact_rows' FROM users LIMIT 1")) == "true"


def test_a_rep_has_no_first_steps(db, client, company):
    sign_in(client, make_user(company, "rep"))
    assert "First steps" not in client.get("/").text
    assert client.post("/first-steps/dismiss").status_code == 403


def test_a_visitor_is_asked_to_sign_in(db, client):
    make_user()
    assert "/login" in client.get("/").headers["Location"]


def test_follow_ups_of_today_and_before_are_shown_to_who_set_them_and_to_the_owner(noon, client, company):
    me, colleague = make_user(company, "rep"), make_user(company, "rep")
    lead_list = make_list(company)
    day = noon.date()
    for name, on, facts in (
        ("Overdue", day - timedelta(days=3), {"follow_up_by_id": me.id}),
        ("Owned", day, {"owner_id": me.id, "follow_up_by_id": colleague.id}),
        ("Tomorrow", day + timedelta(days=1), {"follow_up_by_id": me.id}),
        ("Colleague", day, {"follow_up_by_id": colleague.id}),
    ):
        make_lead(lead_list, first_name=name, follow_up_on=on, **facts)
    make_lead(make_list(make_company()), first_name="Foreign", follow_up_on=day, follow_up_by_id=me.id)
    rows, due = queries.my_follow_ups(me)
    assert ([lead.first_name for lead in rows], due) == (["Overdue", "Owned"], 2)
    sign_in(client, me)
    page = client.get("/").text
    assert "2 leads to come back to" in page
    assert "Tomorrow" not in page


def test_the_duplicates_that_the_guard_prevented_are_counted_on_today(client, company):
    me = make_user(company, "rep")
    lead = make_lead(make_list(company), email="a@example.com")
    for _ in range(2):
        answer = log_contact(lead.id, Draft("email"), by=me)
    assert answer.contact is None
    assert queries.count_prevented(me) == 1
    sign_in(client, me)
    page = client.get("/").text
    assert "Duplicates prevented" in page
