"""A backup brings everything back, and a bad one changes nothing."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.client import Runner
from tests.harness.databases import connect
from webapp.config import Settings
from webapp.core.backup import BackupError, read_backup, write_backup
from webapp.core.storage import Storage, get_storage


@pytest.fixture
def database(new_database: Callable[..., str]) -> str:
    """A migrated database with a table of its own, so that no feature's rules stand in the way."""
    url = new_database()
    with connect(url) as connection:
        connection.execute("CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text UNIQUE)")
        connection.execute("INSERT INTO notes (text) SELECT 'note ' || n || ' ü' FROM generate_series(1, 500) n")
    return url


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(str(tmp_path / "storage"))
    for number in range(3):
        made.save(io.BytesIO(b"evidence %d" % number * 1000), suffix=".png")
    return made


def notes(url: str) -> tuple[int, str]:
    with connect(url) as connection:
        row = connection.execute("SELECT count(*), md5(string_agg(n::text, ',' ORDER BY id)) FROM notes n").fetchone()
        assert row is not None
        return row[0], row[1]


def files(storage: Storage) -> dict[str, str]:
    return {key: hashlib.sha256(storage.open(key).read()).hexdigest() for key in storage.keys()}  # noqa: SIM118


def test_a_restore_brings_back_rows_files_and_the_next_number(
    database: str, storage: Storage, new_database: Callable[..., str], tmp_path: Path
) -> None:
    before, kept = notes(database), files(storage)
    manifest = write_backup(tmp_path / "b.tar", database_url=database, storage=storage)
    assert (manifest.tables["notes"], manifest.files) == (500, 3)

    elsewhere, other = new_database(migrated=False), Storage(str(tmp_path / "elsewhere"))
    read_backup(tmp_path / "b.tar", database_url=elsewhere, storage=other)
    assert (notes(elsewhere), files(other)) == (before, kept)
    with connect(elsewhere) as connection:
        row = connection.execute("INSERT INTO notes (text) VALUES ('next') RETURNING id").fetchone()
        assert row == (501,)


def test_a_restore_replaces_what_was_there_and_can_be_repeated(database: str, storage: Storage, tmp_path: Path) -> None:
    before = notes(database)
    write_backup(tmp_path / "b.tar", database_url=database, storage=storage)
    for _ in range(2):
        with connect(database) as connection:
            connection.execute("DELETE FROM notes WHERE id < 100")
            connection.execute("CREATE TABLE IF NOT EXISTS made_later (id int)")
        read_backup(tmp_path / "b.tar", database_url=database, storage=storage)
        assert notes(database) == before
        with connect(database) as connection:
            assert connection.execute("SELECT to_regclass('made_later')").fetchone() == (None,)
    write_backup(tmp_path / "again.tar", database_url=database, storage=storage)


def rewrite(source: Path, target: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> None:
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            stream = old.extractfile(member)
            assert stream is not None
            changed = change(member.name, stream.read())
            if changed is not None:
                member.name, content = changed
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))


def test_a_broken_dump_leaves_the_database_as_it_was(database: str, storage: Storage, tmp_path: Path) -> None:
    write_backup(tmp_path / "b.tar", database_url=database, storage=storage)
    rewrite(
        tmp_path / "b.tar",
        tmp_path / "bad.tar",
        lambda name, content: (name, content[: len(content) // 2] if name == "database.dump" else content),
    )
    before = notes(database)
    with pytest.raises(BackupError, match="failed"):
        read_backup(tmp_path / "bad.tar", database_url=database, storage=storage)
    assert notes(database) == before


@pytest.mark.parametrize("name", ["storage/../../etc/passwd", "/etc/passwd", "storage/ab/short", "more.txt"])
def test_a_backup_with_a_strange_member_is_refused(database: str, storage: Storage, tmp_path: Path, name: str) -> None:
    write_backup(tmp_path / "b.tar", database_url=database, storage=storage)
    rewrite(
        tmp_path / "b.tar", tmp_path / "bad.tar", lambda was, content: (name if was.startswith("st") else was, content)
    )
    with pytest.raises(BackupError, match="which no backup of Rebound has"):
        read_backup(tmp_path / "bad.tar", database_url=database, storage=storage)


def test_a_backup_of_another_format_is_refused(database: str, storage: Storage, tmp_path: Path) -> None:
    write_backup(tmp_path / "b.tar", database_url=database, storage=storage)
    rewrite(
        tmp_path / "b.tar",
        tmp_path / "bad.tar",
        lambda name, content: (name, json.dumps({"format": 9}).encode() if name == "rebound.json" else content),
    )
    with pytest.raises(BackupError, match="format 9"):
        read_backup(tmp_path / "bad.tar", database_url=database, storage=storage)


def test_any_other_file_is_refused(database: str, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_text("not a tar")
    with pytest.raises(BackupError, match="not a backup of Rebound"):
        read_backup(tmp_path / "x.tar", database_url=database, storage=storage)


def test_a_backup_is_never_overwritten_and_is_for_its_owner_alone(
    database: str, storage: Storage, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar"
    write_backup(target, database_url=database, storage=storage)
    assert target.stat().st_mode & 0o077 == 0
    with pytest.raises(BackupError, match="is there already"):
        write_backup(target, database_url=database, storage=storage)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "storage"]


def test_rows_added_while_the_backup_is_written_do_not_make_it_untrue(
    database: str, storage: Storage, new_database: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.core import backup

    run = backup._run

    def run_after_a_write(command: list[str], environment: dict[str, str]) -> None:
        if command[0].endswith("pg_dump"):
            with connect(database) as connection:
                connection.execute("INSERT INTO notes (text) VALUES ('too late')")
        run(command, environment)

    monkeypatch.setattr(backup, "_run", run_after_a_write)
    manifest = write_backup(tmp_path / "b.tar", database_url=database, storage=storage)
    elsewhere = new_database(migrated=False)
    read_backup(tmp_path / "b.tar", database_url=elsewhere, storage=storage)
    assert (manifest.tables["notes"], notes(elsewhere)[0]) == (500, 500)


def test_the_commands_write_and_restore_a_backup(runner: Runner, settings: Settings, tmp_path: Path) -> None:
    app = runner.app
    with app.app_context():
        key = get_storage().save(io.BytesIO(b"kept")).key
    target = str(tmp_path / "b.tar")
    assert runner.invoke(args=["backup", target]).exit_code == 0
    with app.app_context():
        get_storage().delete(key)
    done = runner.invoke(args=["restore", "--yes", target])
    assert (done.exit_code, "Restored" in done.output) == (0, True)
    with app.app_context():
        assert get_storage().open(key).read() == b"kept"
        get_storage().delete(key)


def test_the_commands_say_in_one_line_what_is_wrong(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_text("not a tar")
    done = runner.invoke(args=["restore", "--yes", str(tmp_path / "x.tar")])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output
