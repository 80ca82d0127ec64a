from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import make_company, make_user, sign_in
from webapp.core.db import db as database
from webapp.core.queue import redis_client as connect
from webapp.core.schedule import Schedule
from webapp.reports.models import Export


@pytest.fixture
def admin(db, client):
    return make_user(make_company("Acme"))


@pytest.fixture
def without_redis(app, monkeypatch):
    monkeypatch.setitem(app.extensions, "redis", connect("redis://127.0.0.1:1/0"))


def failed_export(company_id: int) -> Export:
    row = Export(company_id=company_id, kind="status_report", format="pdf", title="x", state="failed", job="export", fence=2,
                 message="The disk was full.", finished_at=datetime.now(UTC), cancel_requested_at=datetime.now(UTC))  # fmt: skip
    database.session.add(row)
    database.session.commit()
    return row


def test_system_tells_health_queues_database_disk_and_versions(admin, client):
    sign_in(client, admin)
    page = client.get("/system").text
    for words in (
        "PostgreSQL",
        "interactive",
        "browser",
        "exports",
        "default",
        "Biggest tables",
        "Free",
        "flask",
        "Run checks",
        "flask backup",
    ):
        assert words in page


def test_system_answers_when_redis_is_away(admin, client, without_redis):
    sign_in(client, admin)
    response = client.get("/system")
    assert response.status_code == 200
    assert "Redis does not answer" in response.text
    assert "2 parts need attention" in response.text
    assert "PostgreSQL" in response.text


def test_run_checks_gets_the_health_block_alone(admin, client):
    sign_in(client, admin)
    block = client.htmx("/system").text
    assert block.lstrip().startswith('<section class="section" id="system-health"')
    assert "Schedules" not in block


def test_system_is_for_admins(db, client):
    sign_in(client, make_user(role="manager"))
    assert client.get("/system").status_code == 403
    assert client.post("/system/work/exports/1/again").status_code == 403


def test_schedules_show_their_last_run_and_error(admin, client):
    other = make_company()
    at = datetime.now(UTC) + timedelta(hours=1)
    database.session.add(
        Schedule(
            name="nightly repair",
            company_id=admin.company_id,
            cron="0 2 * * *",
            next_run_at=at,
            last_error="No space left",
        )
    )
    database.session.add(Schedule(name="sweep", cron="* * * * *", next_run_at=at))
    database.session.add(Schedule(name="foreign", company_id=other.id, cron="0 3 * * *", next_run_at=at))
    sign_in(client, admin)
    page = client.get("/system").text
    assert "nightly repair" in page
    assert "No space left" in page
    assert "sweep" in page
    assert "foreign" not in page


def test_failed_work_is_listed_and_started_again_where_it_stopped(admin, client, redis_client):
    row = failed_export(admin.company_id)
    sign_in(client, admin)
    assert "The disk was full." in client.get("/system").text
    assert client.post(f"/system/work/exports/{row.id}/again").status_code == 303
    database.session.refresh(row)
    assert (row.state, row.message, row.cancel_requested_at, row.finished_at) == ("queued", "", None, None)
    assert redis_client.exists(f"rq:job:export-{row.id}-2")
    assert client.post(f"/system/work/exports/{row.id}/again").status_code == 404


def test_work_is_started_again_also_while_redis_is_away(admin, client, without_redis):
    row = failed_export(admin.company_id)
    sign_in(client, admin)
    assert client.post(f"/system/work/exports/{row.id}/again").status_code == 303
    database.session.refresh(row)
    assert row.state == "queued"


def test_another_companys_failed_work_is_not_there(admin, client):
    row = failed_export(make_company().id)
    sign_in(client, admin)
    assert "The disk was full." not in client.get("/system").text
    assert client.post(f"/system/work/exports/{row.id}/again").status_code == 404
    assert client.post("/system/work/users/1/again").status_code == 404


def test_today_tells_a_manager_of_work_that_failed(admin, client):
    failed_export(admin.company_id)
    sign_in(client, admin)
    assert "1 piece of work failed since yesterday" in client.get("/").text
