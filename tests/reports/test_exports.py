from pathlib import Path

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.audit import AuditEvent
from webapp.core.storage import get_storage
from webapp.core.work import sweep
from webapp.notifications.models import Notification
from webapp.reports import builders, service
from webapp.reports.models import Export
from webapp.serve.children import wait_until


def ask(client, lead_list, format="csv", token="first"):
    return client.post("/exports", data={"list_id": lead_list.id, "format": format, "token": token})


@pytest.fixture
def stored(app):
    """The keys of the files that this test has made."""
    before = set(get_storage().keys())
    return lambda: sorted(set(get_storage().keys()) - before)


def only(db):
    return db.session.scalars(sa.select(Export)).one()


def test_an_export_is_asked_for_made_and_downloaded(ana, ten, worker, db):
    answer = ask(ana, ten)
    assert answer.status_code == 303
    assert "Waiting for a worker" in ana.get(answer.location).text

    worker()

    export = only(db)
    assert (export.state, export.rows) == ("done", export.rows)
    assert "kept until" in ana.get(answer.location).text
    got = ana.get(f"/exports/{export.id}/download")
    assert got.status_code == 200
    assert got.headers["Content-Disposition"] == f"attachment; filename=status-report_delhi-80k_{export.id}.csv"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert len(got.data) == export.size
    assert got.data.startswith(b"\xef\xbb\xbf")


def test_the_file_is_kept_for_seven_days(ana, ten, worker, db):
    ask(ana, ten)
    worker()

    kept = db.session.scalars(sa.select(Export.expires_at - Export.finished_at)).one()
    assert round(kept.total_seconds() / 86_400, 2) == 7


def test_asking_twice_with_one_form_makes_one_export(ana, ten, worker, db):
    first, second = ask(ana, ten, token="same"), ask(ana, ten, token="same")

    assert first.location == second.location
    worker()
    assert only(db).state == "done"


def test_asking_and_taking_are_in_the_audit_trail(ana, ten, worker, db):
    ask(ana, ten)
    worker()
    ana.get(f"/exports/{only(db).id}/download")

    events = db.session.scalars(
        sa.select(AuditEvent).where(AuditEvent.kind.in_(("export", "download"))).order_by(AuditEvent.id)
    ).all()
    assert [(event.kind, event.subject_type) for event in events] == [("export", "exports"), ("download", "exports")]


def test_the_log_has_the_lines_of_the_seed(ana, ten, worker, caplog):
    with caplog.at_level("INFO"):
        ask(ana, ten)
        worker()

    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    lines = {line["event"]: line for line in said if str(line.get("event", "")).startswith("data_export")}
    assert lines["data_export"]["metadata"]["export_format"] == "csv"
    assert set(lines["data_export_complete"]["metadata"]) >= {"file_size_mb", "download_url", "expires_at"}


def test_a_file_whose_week_is_over_is_gone_and_says_so(ana, ten, worker, db):
    ask(ana, ten)
    worker()
    export = only(db)
    key = export.storage_key
    db.session.execute(sa.update(Export).values(expires_at=sa.func.now()))
    db.session.commit()

    link = f"/exports/{export.id}/download"
    assert ana.get(link).status_code == 410
    assert service.expire_exports() == 1
    assert not get_storage().exists(key)
    gone = ana.get(link)
    assert gone.status_code == 410
    assert "kept for 7 days" in gone.text
    export = only(db)
    assert export.removed_at is not None
    assert export.storage_key is None
    assert service.expire_exports() == 0
    assert "Removed" in ana.get("/exports").text
    assert "Ask again" in ana.get(f"/exports/{export.id}").text


def test_a_file_that_vanished_is_gone_too(ana, ten, worker, db):
    ask(ana, ten)
    worker()
    get_storage().delete(only(db).storage_key)

    assert ana.get(f"/exports/{only(db).id}/download").status_code == 410


def test_a_link_before_its_file_leads_to_the_progress(ana, ten, db):
    answer = ask(ana, ten)

    got = ana.get(f"{answer.location}/download")
    assert (got.status_code, got.location) == (303, answer.location)


def test_another_company_finds_nothing(ana, ten, worker, db, app):
    ask(ana, ten)
    worker()
    export_id = only(db).id
    stranger = sign_in(app.test_client(), make_user(make_company(), role="admin"))

    for path in (
        f"/exports/{export_id}",
        f"/exports/{export_id}/download",
        f"/lists/{ten.id}/status-report",
        "/exports/999999",
    ):
        assert stranger.get(path).status_code == 404
    assert ask(stranger, ten, token="theirs").status_code == 404
    assert stranger.post(f"/exports/{export_id}/again", data={}).status_code == 404
    assert "No exports yet" in stranger.get("/exports").text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Export)) == 1


def test_a_rep_takes_reports_but_no_lead_data_and_sees_only_own_files(ana, ten, company, worker, db, app):
    ask(ana, ten)
    worker()
    rep = sign_in(app.test_client(), make_user(company, role="rep"))

    assert rep.get(f"/exports/{only(db).id}/download").status_code == 404
    assert rep.post("/exports/data", data={"what": "leads:csv", "token": "x"}).status_code == 403
    assert ask(rep, ten, token="rep").status_code == 303
    assert "Export leads or calls" not in rep.get("/reports").text


def test_visitors_are_sent_to_the_sign_in(client, ten):
    assert client.get(f"/lists/{ten.id}/status-report").status_code == 303
    assert client.get("/exports/1/download").status_code == 303


def test_an_unknown_format_is_refused(ana, ten):
    assert ask(ana, ten, format="exe").status_code == 422


def test_a_failed_export_says_why_tells_its_owner_and_can_be_asked_for_again(ana, ten, worker, db, monkeypatch):
    def full(self, stream, **kwargs):
        raise service.StorageError("There is no space left for the file.")

    monkeypatch.setattr("webapp.core.storage.Storage.save", full)
    answer = ask(ana, ten)
    worker()
    assert "There is no space left for the file." in ana.get(answer.location).text
    assert "no space left" in ana.get("/exports").text
    assert db.session.scalars(sa.select(Notification)).one().level == "bad"

    monkeypatch.undo()
    again = ana.post(f"{answer.location}/again", data={"token": "again"})
    assert again.status_code == 303
    assert again.location != answer.location
    worker()
    assert ana.get(f"{again.location}/download").status_code == 200


def test_a_cancelled_export_keeps_no_file(ana, ten, worker, db, stored):
    answer = ask(ana, ten)
    ana.post(f"{answer.location}/cancel", data={})
    worker()

    assert only(db).state == "cancelled"
    assert stored() == []


def test_a_worker_killed_in_the_middle_is_made_good_by_the_sweep(ana, company, worker, worker_process, db, stored):
    lead_list = make_list(company, name="Big")
    db.session.execute(
        sa.text("INSERT INTO leads (company_id, list_id, first_name, phone, status) SELECT :c, :l, 'Lead ' || n, "
                "'+1212555' || to_char(n, 'FM0000'), 'new' FROM generate_series(1, 2500) n"),
        {"c": company.id, "l": lead_list.id},
    )  # fmt: skip
    db.session.commit()
    answer = ana.post("/exports/data", data={"what": "leads:csv", "list_id": lead_list.id, "token": "t"})
    with db.engine.connect() as blocker:
        blocker.execute(sa.text("LOCK TABLE leads IN ACCESS EXCLUSIVE MODE"))
        process = worker_process("exports")
        waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'leads'::regclass")
        assert wait_until(lambda: blocker.scalar(waits) > 0, 20), process.output()
        process.kill()
        blocker.rollback()
    db.session.expire_all()
    assert only(db).state == "running"
    assert stored() == []

    late = sa.text("interval '2 minutes'")
    db.session.execute(sa.update(Export).values(lease_until=sa.func.now() - late, heartbeat_at=sa.func.now() - late))
    db.session.commit()
    sweep()
    worker()

    export = only(db)
    assert (export.state, export.done, export.rows, export.fence) == ("done", 2500, 2500, 2)
    assert ana.get(f"{answer.location}/download").text.count("\n") == 2501
    assert stored() == [export.storage_key]


def test_whoever_lost_the_lease_keeps_no_file_and_ends_nobody_elses_work(ana, ten, db, monkeypatch, stored):
    ask(ana, ten)
    build = builders.KINDS["status_report"].build["csv"]

    def overtaken(export, target, progress):
        rows = build(export, target, progress)
        db.session.execute(sa.update(Export.__table__).values(fence=Export.__table__.c.fence + 1))
        db.session.commit()
        return rows

    monkeypatch.setitem(builders.KINDS["status_report"].build, "csv", overtaken)
    service.run_export(only(db).id)

    db.session.expire_all()
    assert only(db).state == "running"
    assert stored() == []


def test_the_progress_is_a_fragment_that_rests_while_nothing_changed(ana, ten, worker, db):
    answer = ask(ana, ten)
    version = only(db).version

    assert ana.htmx(f"{answer.location}?v={version}").status_code == 204
    worker()
    done = ana.htmx(f"{answer.location}?v={version}")
    assert done.status_code == 200
    assert "<html" not in done.text
    assert 'id="export-file"' in done.text
    assert "hx-trigger" not in done.text


def test_leads_and_calls_become_files(ana, company, worker, db):
    lead_list = make_list(company, name="Köln, Straße")
    lead = make_lead(lead_list, first_name='=HYPERLINK("http://x")', phone="+12125550100", business="007")
    make_call(lead, "answered", notes="-1+1")
    make_call(make_lead(make_list(company)), "busy")

    for what in ("leads:csv", "leads:xlsx", "calls:csv"):
        ana.post("/exports/data", data={"what": what, "list_id": lead_list.id, "since": "2026-05-01", "token": what})
    worker()

    leads, book, calls = db.session.scalars(sa.select(Export).order_by(Export.id)).all()
    assert leads.filename == f"leads_köln-straße_{leads.id}.csv"
    text = ana.get(f"/exports/{leads.id}/download").text
    assert '"\'=HYPERLINK(""http://x"")"' in text
    assert ",+12125550100," in text
    assert (leads.rows, calls.rows) == (1, 1)
    assert "'-1+1" in ana.get(f"/exports/{calls.id}/download").text
    read = CalamineWorkbook.from_filelike(get_storage().open(book.storage_key))
    assert read.sheet_names == ["Summary", "Leads"]
    head, row = read.get_sheet_by_name("Leads").to_python()
    assert (row[0], row[1], row[3], row[5]) == (lead.id, '=HYPERLINK("http://x")', "007", "+12125550100")
    assert head[18] == f"Last dial ({company.zone})"


def test_leads_of_a_filter_become_a_file_of_those_leads_only(ana, company, worker, db):
    lead_list = make_list(company)
    make_lead(lead_list, first_name="Two\nlines", status="busy", business='a "b"\nc')
    make_lead(lead_list, first_name="Other", status="new")
    make_lead(make_list(make_company()), first_name="Theirs", status="busy")

    assert 'value="status=busy"' in ana.get("/reports?filter=status%3Dbusy%26nonsense%3D1").text
    for what in ("leads:csv", "leads:xlsx"):
        assert ana.post("/exports/data", data={"what": what, "filter": "status=busy", "token": what}).status_code == 303
    worker()

    for export in db.session.scalars(sa.select(Export)).all():
        assert (export.state, export.title, export.rows, export.done, export.total) == (
            "done",
            "Leads: Filtered",
            1,
            1,
            1,
        )
    text = ana.get(
        "/exports/{}/download".format(db.session.scalars(sa.select(Export.id).where(Export.format == "csv")).one())
    ).text
    assert "Two\nlines" in text
    assert "Other" not in text
    assert "Theirs" not in text


def test_a_bad_day_keeps_what_was_entered(ana, ten):
    answer = ana.post(
        "/exports/data", data={"what": "calls:csv", "since": "2026-05-02", "until": "2026-05-01", "token": "x"}
    )

    assert answer.status_code == 422
    assert "The last day lies before the first." in answer.text
    assert 'value="2026-05-02"' in answer.text


def test_file_names_hold_no_path_and_no_hidden_turn():
    name = service.file_name("status_report", "../../etc/\u202epasswd\x00 <b>" + "x" * 500, "pdf", 7)

    assert name.startswith("status-report_etc-passwd-b-xxx")
    assert Path(name).name == name
    assert len(name) < 110
    assert service.file_name("leads", "日本語", "csv", 1) == "leads_日本語_1.csv"
    assert service.file_name("leads", "🦄", "csv", 1) == "leads_list_1.csv"
