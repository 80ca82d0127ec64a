"""The servers of a test session, a migrated template, copies of it, and sweeping them clean."""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import psycopg
import redis
from flask import Flask
from flask_migrate import upgrade
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.engine import make_url

from tests.harness.isolated import in_thread
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis

BIG = 1024 * 1024  # bytes of a table from which emptying it at once beats deleting its rows


@dataclass
class Servers:
    """PostgreSQL and Redis for a test session: our own, or the ones that the environment names."""

    folder: Path
    postgres: EmbeddedPostgres | None = None
    redis: EmbeddedRedis | None = None
    database_url: str = ""
    redis_url: str = ""

    @classmethod
    def start(cls) -> "Servers":
        folder = Path(tempfile.mkdtemp(prefix="rebound-tests-"))
        folder.chmod(0o711)  # as root, PostgreSQL runs as another user and must get in
        servers = cls(folder)
        servers.database_url = os.environ.get("DATABASE_URL", "")
        servers.redis_url = os.environ.get("REDIS_URL", "")
        if not servers.database_url:
            servers.postgres = EmbeddedPostgres(folder / "pg", test=True)
            servers.database_url = servers.postgres.start()
        if not servers.redis_url:
            servers.redis = EmbeddedRedis(folder / "redis", test=True)
            servers.redis_url = servers.redis.start()
        else:
            refuse_full(servers.redis_url)
        return servers

    def stop(self) -> None:
        if self.postgres is not None:
            self.postgres.destroy()
        if self.redis is not None:
            self.redis.destroy()
        shutil.rmtree(self.folder, ignore_errors=True)

    def redis_database(self, number: int) -> str:
        """The URL of a Redis database for one test process: the first has number 0."""
        url = urlsplit(self.redis_url)
        if url.scheme == "unix":
            return f"{self.redis_url.partition('?')[0]}?db={int(dict(parse_qsl(url.query)).get('db', 0)) + number}"
        first = int(url.path.strip("/") or 0)
        return urlunsplit(url._replace(path=f"/{first + number}"))


def refuse_full(redis_url: str) -> None:
    """Tests empty their Redis: never one that somebody uses."""
    with redis.Redis.from_url(redis_url) as client:
        if client.dbsize():
            raise RuntimeError("The database that REDIS_URL names is not empty, and tests would empty it.")


def connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=5)


@dataclass
class Databases:
    """Databases made for this session on one server; all are dropped at its end."""

    server_url: str
    prefix: str
    made: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        url = make_url(self.server_url).set(database=name)
        return url.render_as_string(hide_password=False)

    def create(self, name: str, *, template: str = "template1") -> str:
        """A new database; the part of its name that you choose is made unique. Gives the URL."""
        full = f"{self.prefix}_{name}"
        with connect(self.server_url) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(full), sql.Identifier(template)
                )
            )
        self.made.append(full)
        return self.url(full)

    def drop(self, url: str) -> None:
        name = str(make_url(url).database)
        with connect(self.server_url) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self.made.remove(name)

    def drop_all(self) -> None:
        for name in list(self.made):
            self.drop(self.url(name))


def migrate(app: Flask) -> None:
    """Bring the app's database to the newest version, in a thread: Alembic sets up logging anew."""

    def run() -> None:
        with app.app_context():
            upgrade()
            app.extensions["sqlalchemy"].engine.dispose()

    in_thread(run)


class Sweeper:
    """Empties a database and a Redis between two tests; rows that migrations made stay."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.connection = connect(database_url)
        self.redis = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0))
        tables = [
            row[0]
            for row in self.connection.execute(
                "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace ORDER BY 1"
            )
        ]
        kept = {table for table in tables if self._any([table])}
        self.tables = [table for table in tables if table not in kept]
        self.connection.execute("SET lock_timeout = '5s'")
        try:
            self.connection.execute("SET session_replication_role = replica")
            self.may_delete = True
        except psycopg.errors.InsufficientPrivilege:  # on a server that is not ours
            self.may_delete = False

    def sweep(self) -> None:
        """Raises psycopg.errors.LockNotAvailable when a test left a transaction open."""
        full = self._any(self.tables)
        # Names come from the catalogue, already quoted.
        if full and not self.may_delete:
            self._truncate([table for table, _ in full])
            full = []
        for table, size in full:
            if size > BIG:
                self.connection.execute(f"TRUNCATE {table} CASCADE")
            else:
                self.connection.execute(f"DELETE FROM {table}")
        self.redis.flushdb()

    def _truncate(self, tables: list[str]) -> None:
        """Slower, and all that an owner who is no superuser may do: triggers that forbid it are set aside."""
        guarded = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
        with self.connection.transaction():
            names = [row[0] for row in self.connection.execute(guarded).fetchall()]
            for name in names:
                self.connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            self.connection.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            for name in names:
                self.connection.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")

    def close(self) -> None:
        self.connection.close()
        self.redis.close()

    def _any(self, tables: list[str]) -> list[tuple[str, int]]:
        """Which of the tables have rows, and their sizes in bytes."""
        if not tables:
            return []
        parts = [
            f"SELECT '{table.replace(chr(39), chr(39) * 2)}', pg_relation_size('{table}')"
            f" WHERE EXISTS (SELECT FROM {table})"
            for table in tables
        ]
        return self.connection.execute(" UNION ALL ".join(parts)).fetchall()
