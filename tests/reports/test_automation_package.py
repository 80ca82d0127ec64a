"""The debug package: what is in it, what its manifest says, and what never gets into it."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import re
from typing import Any
from zipfile import ZipFile

import pytest
import sqlalchemy as sa

from tests.factories import sign_in
from tests.harness.lint import check_html
from tests.reports.automation_world import World
from tests.reports.test_automation_pages import ask
from webapp.core.db import db as database
from webapp.core.storage import get_storage
from webapp.core.work import sweep
from webapp.reports.automation import package
from webapp.reports.automation.evidence import Enquiry
from webapp.reports.models import Export
from webapp.serve.children import wait_until

BOTH = {"include_logs": "1", "include_screenshots": "1"}


@pytest.fixture
def ana(client: Any, world: World) -> Any:
    return sign_in(client, world.ana)


def only() -> Export:
    return database.session.scalars(sa.select(Export)).one()


@pytest.fixture
def made(ana: Any, world: World, worker: Any) -> Any:
    """made(dry="1"): the opened package."""

    def run(**data: Any) -> ZipFile:
        answer = ask(ana, world.project.id, "debug", "zip", **(BOTH | data))
        worker()
        export = database.session.scalars(sa.select(Export).order_by(Export.id.desc())).first()
        assert export is not None
        assert export.state == "done", export.message
        got = ana.get(f"{answer.location}/download")
        assert got.mimetype == "application/zip"
        assert got.headers["Content-Disposition"].endswith(f"_{export.id}.zip")
        return ZipFile(io.BytesIO(got.data))

    return run


def lines(archive: ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).decode().splitlines()]


def test_the_manifest_names_every_file_with_its_checksum(made: Any, world: World) -> None:
    with made() as archive:
        manifest = json.loads(archive.read("manifest.json"))
        listed = {file["name"]: file for file in manifest["files"]}
        assert set(listed) == set(archive.namelist()) - {"manifest.json"}
        for name, file in listed.items():
            content = archive.read(name)
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"]), name
            assert re.fullmatch(r"[a-z_]+(/[a-z0-9_.-]+)*(\.[a-z]+)?", name), name
        live = [a for a in world.attempts if not a.dry_run]
        assert manifest["counts"]["attempts"] == len(live) == len(lines(archive, "attempts.jsonl"))
        assert manifest["counts"]["log_lines"] == len(lines(archive, "logs/run_log.jsonl")) == 100
        assert manifest["counts"]["events"] == len(lines(archive, "logs/events.jsonl")) == 1
        pictures = [name for name in listed if name.endswith("before.png")]
        assert len(pictures) == manifest["counts"]["pictures"] == sum(bool(a.screenshot_before_path) for a in live) > 0
        assert archive.read(pictures[0]).startswith(b"\x89PNG")
        assert json.loads(archive.read("versions.json"))["schema"] >= "0006"
        assert json.loads(archive.read("reports/summary.json"))["totals"]["successful"] == 14


def test_the_index_page_opens_without_a_network_and_runs_nothing(made: Any, world: World) -> None:
    with made() as archive:
        page = archive.read("index.html").decode()
        check_html(page, "index.html")
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; Motors" in page
        assert "Ohio dealers &lt;spring&gt; &amp; more" in page
        linked = set(re.findall(r'(?:href|src)="([^"]+)"', page))
        assert linked <= set(archive.namelist())
        assert any(name.endswith("page_source.txt") for name in linked)


def test_nobodys_address_and_none_of_the_enquirys_words_are_in_it(made: Any) -> None:
    with made(dry="1") as archive:
        for name in archive.namelist():
            text = archive.read(name).decode("utf-8", "replace")
            for known in ("zelda.quimby@example.com", "555-0147", "5550147", "blue wagon", "Zelda Quimby"):
                assert known not in text, (name, known)
        source = next(name for name in archive.namelist() if name.endswith("page_source.txt"))
        assert archive.read(source).decode() == "<p>Dear [taken out], [taken out], [taken out]: [taken out]</p>"
        shapes = json.loads(archive.read("project.json"))["contact_requests"][0]
        assert "message" in shapes["given"]


def test_logs_and_pictures_can_be_left_out(made: Any) -> None:
    with made(include_logs="", include_screenshots="") as archive:
        assert not [name for name in archive.namelist() if name.startswith(("logs/", "evidence/"))]
        manifest = json.loads(archive.read("manifest.json"))
        assert (manifest["include_logs"], manifest["include_screenshots"]) == (False, False)
        assert all(not attempt["evidence_files"] for attempt in lines(archive, "attempts.jsonl"))


def test_a_full_package_names_what_it_left_out_and_takes_failures_first(
    made: Any, monkeypatch: Any, world: World
) -> None:
    monkeypatch.setattr(package, "EVIDENCE_BYTES", 200)
    gone = next(a for a in world.attempts if a.screenshot_before_path and not a.dry_run)
    get_storage().delete(gone.page_source_path or "")
    with made() as archive:
        manifest = json.loads(archive.read("manifest.json"))
        reasons = {item["name"]: item["reason"] for item in manifest["left_out"]}
        assert reasons[f"evidence/attempt-{gone.id:08}/page_source.txt"] == "it is no longer in the storage"
        assert "the package was full" in reasons.values()
        taken = [file for file in manifest["files"] if file["name"].startswith("evidence/")]
        assert 0 < sum(file["size"] for file in taken) <= 200
        assert "Left out" in archive.read("index.html").decode()


def test_the_log_tells_of_it_as_the_seed_does(ana: Any, world: World, worker: Any, caplog: Any) -> None:
    with caplog.at_level("INFO"):
        ask(ana, world.project.id, "debug", "zip", from_date="2026-06-01", to_date="2026-06-07", **BOTH)
        worker()
    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    asked, done = (
        next(line for line in said if line.get("event") == event) for event in ("data_export", "data_export_complete")
    )

    assert (asked["operation"], asked["project_id"], asked["user_id"]) == (
        "data_export",
        world.project.id,
        world.ana.id,
    )
    wanted = {
        "export_format": "debug_package",
        "include_logs": True,
        "include_screenshots": True,
        "date_range": "2026-06-01 to 2026-06-07",
    }
    assert wanted.items() <= asked["metadata"].items()
    assert asked["metadata"]["log_entries"] == 100
    assert asked["metadata"]["total_records"] > 200
    assert done["project_id"] == world.project.id
    assert 0 < done["metadata"]["compression_ratio"] < 1
    assert {"file_size_mb", "download_url", "expires_at"} <= set(done["metadata"])


def test_progress_is_counted_by_rows_to_its_end(ana: Any, world: World, worker: Any) -> None:
    ask(ana, world.project.id, "debug", "zip", **BOTH)
    live = sum(not a.dry_run for a in world.attempts)
    assert only().total == 100 + 2 * live
    worker()
    export = only()
    assert (export.done, export.rows) == (export.total, 100 + live)


def test_a_cancelled_package_keeps_no_file(ana: Any, world: World, worker: Any, monkeypatch: Any) -> None:
    before = set(get_storage().keys())
    answer = ask(ana, world.project.id, "debug", "zip", **BOTH)
    fill = package._add_evidence

    def cancelled_meanwhile(*args: Any) -> None:
        database.session.execute(sa.update(Export).values(cancel_requested_at=sa.func.now()))
        database.session.commit()
        fill(*args)

    monkeypatch.setattr(package, "_add_evidence", cancelled_meanwhile)
    worker()
    assert only().state == "cancelled"
    assert set(get_storage().keys()) == before
    assert "Cancelled" in ana.get(answer.location).text


def test_a_full_disk_fails_with_a_word_of_advice(ana: Any, world: World, worker: Any, monkeypatch: Any) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(package, "_fill", full)
    answer = ask(ana, world.project.id, "debug", "zip", **BOTH)
    worker()
    assert "leave out the pictures" in ana.get(answer.location).text


def test_a_package_whose_worker_was_killed_starts_again_from_its_beginning(
    ana: Any, world: World, worker: Any, worker_process: Any, db: Any
) -> None:
    before = set(get_storage().keys())
    answer = ask(ana, world.project.id, "debug", "zip", **BOTH)
    with db.engine.connect() as blocker:
        blocker.execute(sa.text("LOCK TABLE run_events IN ACCESS EXCLUSIVE MODE"))
        process = worker_process("exports")
        waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'run_events'::regclass")
        assert wait_until(lambda: blocker.scalar(waits) > 0, 60), process.output()
        process.kill()
        blocker.rollback()
    db.session.expire_all()
    assert (only().state, only().done) == ("running", 100)
    late = sa.text("interval '2 minutes'")
    db.session.execute(sa.update(Export).values(lease_until=sa.func.now() - late, heartbeat_at=sa.func.now() - late))
    db.session.commit()
    sweep()
    worker()
    export = only()
    assert (export.state, export.done, export.fence) == ("done", export.total, 2)
    assert set(get_storage().keys()) - before == {export.storage_key}
    with ZipFile(io.BytesIO(ana.get(f"{answer.location}/download").data)) as archive:
        assert archive.testzip() is None


def test_short_names_are_hidden_as_words_and_phones_however_they_are_written(world: World) -> None:
    hide = Enquiry.of(world.request).hide
    assert hide("Zelda's Quimbyville and Zeldas (212) 555-0147, 212.555.0147, 212-555-0147") == (
        "[taken out]'s Quimbyville and Zeldas [taken out], [taken out], [taken out]"
    )
    assert hide("value=zelda.quimby%40example.com") == "value=[taken out]"
