from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.db import Base, db
from webapp.core.work import request_cancel, sweep
from webapp.demo import loading, queries, removal, service
from webapp.demo.models import DemoLoad
from webapp.dialer.models import CallLog, DialCampaign
from webapp.imports.models import Import
from webapp.leads.models import Lead, LeadList
from webapp.leads.tallies import get_cells
from webapp.recycling.models import RecycleBatch, Repair, Undo

SCALE = 0.008  # 200 leads, 480 calls


class Killed(BaseException):
    """What a worker's end looks like from inside: nothing after it runs."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(loading, "CHUNK", 60)
    monkeypatch.setattr(removal, "CHUNK", 60)


def load(user, scale=SCALE) -> DemoLoad:
    row = service.start_demo(user.company, by=user, scale=scale, ring=False)
    service.perform(row.id)
    return row


def rows_by_table(company_id: int) -> dict[str, int]:
    found = {}
    for table in Base.metadata.sorted_tables:
        if "company_id" in table.c:
            number = db.session.scalar(
                sa.select(sa.func.count()).select_from(table).where(table.c.company_id == company_id)
            )
            if number:
                found[table.name] = number
    return found


def facts_of_leads(company_id: int) -> list:
    return db.session.execute(
        sa.select(Lead.phone, Lead.last_name, Lead.status, Lead.dial_attempts, Lead.problem)
        .where(Lead.company_id == company_id)
        .order_by(Lead.id)
    ).all()


def kill_in_chunk(monkeypatch, module, name: str, number: int) -> None:
    """Let the `number`-th call of `module.name` end the worker, once."""
    real, calls = getattr(module, name), []

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, dying)


def bury(row: DemoLoad) -> None:
    """A minute later: the lease of the dead worker is over."""
    db.session.execute(
        sa.update(DemoLoad).where(DemoLoad.id == row.id).values(lease_until=sa.text("now() - interval '1 s'"))
    )
    db.session.commit()


def test_a_loading_whose_worker_is_killed_goes_on_and_ends_with_the_same_data(db, worker, monkeypatch):
    whole = make_user()
    load(whole)
    cut = make_user()
    row = service.start_demo(cut.company, by=cut, scale=SCALE)
    kill_in_chunk(monkeypatch, loading, "_copy_callbacks", 2)
    with pytest.raises(Killed):
        service.perform(row.id)
    db.session.refresh(row)
    assert (row.state, row.done) == ("running", 60)
    bury(row)
    assert sweep() == 1
    worker()
    db.session.refresh(row)
    assert (row.state, row.done, row.total) == ("done", 200, 200)
    assert facts_of_leads(cut.company_id) == facts_of_leads(whole.company_id)
    assert db.session.scalar(sa.select(sa.func.count()).where(CallLog.company_id == cut.company_id)) == 480


def test_performing_a_finished_loading_again_changes_nothing(db):
    user = make_user()
    row = load(user)
    before = rows_by_table(user.company_id)
    service.perform(row.id)
    assert rows_by_table(user.company_id) == before


def test_asking_twice_is_one_loading(db):
    user = make_user()
    first = service.start_demo(user.company, by=user, scale=SCALE)
    assert service.start_demo(user.company, by=user, scale=SCALE).id == first.id
    service.perform(first.id)
    with pytest.raises(service.DemoRefused, match="loaded already"):
        service.start_demo(user.company, by=user)


def test_a_cancelled_loading_is_labelled_and_can_go_on_or_be_removed(db):
    user = make_user()
    row = service.start_demo(user.company, by=user, scale=SCALE, ring=False)
    request_cancel(row)
    assert row.state == "cancelled"
    assert service.start_demo(user.company, by=user, ring=False).id == row.id
    service.perform(row.id)
    assert row.state == "done"
    assert row.done == 200


def test_two_companies_load_side_by_side(db):
    one, two = make_user(), make_user()
    load(one)
    load(two)
    assert rows_by_table(one.company_id) == rows_by_table(two.company_id)


def test_lists_of_the_same_name_are_left_alone(db):
    user = make_user()
    own = make_list(user.company, name="Dental practices")
    load(user)
    names = set(db.session.scalars(sa.select(LeadList.name).where(LeadList.is_demo)))
    assert "Dental practices (demo)" in names
    assert not db.session.get(LeadList, own.id).is_demo


# --- removal ---------------------------------------------------------------------------------------------


def test_removal_leaves_nothing_but_the_ledger(db, worker):
    user = make_user()
    load(user)
    ledger = rows_by_table(user.company_id)["status_changes"]
    row = service.start_removal(user.company, by=user)
    worker()
    db.session.refresh(row)
    assert (row.state, row.done) == ("done", 200)
    left = rows_by_table(user.company_id)
    assert left.pop("status_changes") == ledger
    assert left.pop("audit_events") == 2
    assert left == {"users": 1, "demo_loads": 2}
    assert get_cells(user.company_id) == []
    assert not queries.has_demo(user.company_id)


def test_removal_keeps_what_a_person_added(db):
    user = make_user()
    load(user)
    own = make_lead(make_list(user.company, name="Mine"))
    demo_list = db.session.scalars(sa.select(LeadList).where(LeadList.is_demo).limit(1)).one()
    guest = make_lead(demo_list, first_name="Guest")
    campaign = db.session.get(DialCampaign, demo_list.dial_campaign_id)
    make_call(guest, campaign_id=campaign.id)
    service.perform(service.start_removal(user.company, by=user, ring=False).id)
    kept = db.session.scalars(sa.select(Lead.id).where(Lead.company_id == user.company_id).order_by(Lead.id)).all()
    assert kept == [own.id, guest.id]
    db.session.expire_all()
    assert (demo_list.is_demo, campaign.is_demo) == (False, False)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(CallLog)) == 1


def test_removal_takes_the_work_on_demo_lists_along_and_unties_imports(db):
    user = make_user()
    row = load(user)
    facts = {"company_id": user.company_id, "list_id": row.params["lists"][0], "state": "done"}
    batch = uuid4()
    campaign_id = row.params["campaigns"][0]
    done = {"company_id": user.company_id, "state": "done", "classes": [], "job": "repair"}
    brought = Import(**facts, job="import_run", filename="mine.csv", storage_key="k", size=1, sha256="x")
    db.session.add_all([
        RecycleBatch(**facts, job="recycle", statuses=["busy"], target_status="new", reset_dial_count=False, batch_id=batch),
        Repair(**done, list_id=row.params["lists"][1], batch_id=uuid4()),
        Repair(**done, campaign_id=campaign_id, batch_id=uuid4()),
        Repair(**done, batch_id=uuid4()),
        Undo(company_id=user.company_id, state="done", job="undo", batch_id=batch, subject="recycle_batches", subject_id=1),
        brought,
    ])  # fmt: skip
    db.session.commit()
    service.perform(service.start_removal(user.company, by=user, ring=False).id)
    left = rows_by_table(user.company_id)
    assert {
        name: left.get(name, 0) for name in ("lead_lists", "dial_campaigns", "recycle_batches", "undos")
    } == dict.fromkeys(("lead_lists", "dial_campaigns", "recycle_batches", "undos"), 0)
    assert (left["repairs"], left["imports"]) == (1, 1)
    db.session.refresh(brought)
    assert brought.list_id is None


def test_a_removal_whose_worker_is_killed_goes_on(db, worker, monkeypatch):
    user = make_user()
    load(user)
    row = service.start_removal(user.company, by=user)
    kill_in_chunk(monkeypatch, removal, "step", 3)
    with pytest.raises(Killed):
        service.perform(row.id)
    bury(row)
    sweep()
    worker()
    db.session.refresh(row)
    assert (row.state, row.done) == ("done", 200)
    assert "leads" not in rows_by_table(user.company_id)


def test_demo_data_can_be_loaded_again_after_its_removal(db):
    user = make_user()
    load(user)
    before = facts_of_leads(user.company_id)
    service.perform(service.start_removal(user.company, by=user, ring=False).id)
    load(user)
    assert facts_of_leads(user.company_id) == before


def test_a_colleague_whom_something_still_names_is_deactivated_and_comes_back(db):
    user = make_user()
    row = load(user)
    agent = row.params["users"][0]
    make_lead(make_list(user.company), owner_id=agent)
    service.perform(service.start_removal(user.company, by=user, ring=False).id)
    assert db.session.scalar(sa.text("SELECT deactivated_at IS NOT NULL FROM users WHERE id = :id"), {"id": agent})
    again = load(user)
    assert agent in again.params["users"]


def test_removal_waits_for_the_loading(db):
    user = make_user()
    service.start_demo(user.company, by=user, scale=SCALE, ring=False)
    with pytest.raises(service.DemoRefused, match="being loaded"):
        service.start_removal(user.company, by=user)


# --- pages and commands ------------------------------------------------------------------------------------


def test_the_page_loads_shows_progress_and_removes(db, client, worker, monkeypatch):
    user = make_user()
    sign_in(client, user)
    assert "Load demo data" in client.get("/demo").text
    monkeypatch.setattr(
        service, "start_demo", lambda company, by, _real=service.start_demo: _real(company, by=by, scale=SCALE)
    )
    assert client.post("/demo/load").headers["Location"] == "/demo"
    row = queries.last_work(user.company_id)
    assert "Loading demo data" in client.get("/demo").text
    assert client.htmx(f"/demo/{row.id}?v={row.version}").status_code == 204
    worker()
    assert client.htmx(f"/demo/{row.id}?v={row.version}").headers["HX-Redirect"] == "/demo"
    page = client.get("/demo").text
    assert "Remove demo data" in page
    assert "Remove 200 leads" in page
    assert "Demo data" in client.get("/").text
    assert client.post("/demo/remove").status_code == 303
    worker()
    assert "The demo data is gone" in client.get("/demo").text
    assert 'id="demo-banner"' not in client.get("/").text


def test_without_javascript_the_removal_is_confirmed_on_the_page(db, client):
    user = make_user()
    load(user)
    sign_in(client, user)
    assert "This cannot be undone" in client.get("/demo?confirm=remove").text


def test_only_admins_load_and_remove(db, client):
    sign_in(client, make_user(role="manager"))
    assert client.get("/demo").status_code == 403
    assert client.post("/demo/load").status_code == 403
    assert client.post("/demo/remove").status_code == 403


def test_another_companys_loading_is_not_there(db, client):
    other = make_user()
    row = service.start_demo(other.company, by=other, scale=SCALE, ring=False)
    sign_in(client, make_user())
    assert client.get(f"/demo/{row.id}").status_code == 404
    assert client.post(f"/demo/{row.id}/cancel").status_code == 404
    assert client.get("/demo/99999999").status_code == 404


def test_cancel_stops_a_waiting_loading(db, client):
    user = make_user()
    row = service.start_demo(user.company, by=user, scale=SCALE)
    sign_in(client, user)
    assert client.post(f"/demo/{row.id}/cancel").status_code == 303
    assert "Go on loading" in client.get("/demo").text


def test_the_commands_load_and_remove(db, runner):
    user = make_user(make_company())
    answer = runner.invoke(args=["demo", "load", "--email", user.email, "--scale", str(SCALE)])
    assert "200 leads" in answer.output
    again = runner.invoke(args=["demo", "load", "--email", user.email])
    assert (again.exit_code, "loaded already" in again.output) == (1, True)
    assert "200 leads" in runner.invoke(args=["demo", "remove", "--email", user.email]).output
    assert runner.invoke(args=["demo", "load", "--email", "nobody@example.com"]).exit_code == 1
