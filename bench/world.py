"""The servers and databases the benchmark runs on: its own cluster, the seed as a template, a fresh clone for each writer."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from bench.seed import seed
from webapp import create_app
from webapp.config import ROOT, Settings
from webapp.core.db import db
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Seeded:
    name: str
    company_id: int
    list_id: int
    leads: int


class World:
    def __init__(self, folder: Path | None = None):
        self.folder = folder or ROOT / "var" / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.postgres = EmbeddedPostgres(self.folder / "pg")
        self.redis = EmbeddedRedis(self.folder / "redis")
        self.url = self.postgres.start()
        self.redis_url = self.redis.start()
        self.numbers = itertools.count(1)
        self.admin = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        self.admin.dispose()
        self.redis.stop()
        self.postgres.stop()

    def url_of(self, name: str) -> str:
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def sql(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(statement)

    def settings(self, name: str) -> Settings:
        return Settings(
            env="production", database_url=self.url_of(name), redis_url=self.redis_url, secret_key="only good for the benchmark",
            var_dir=self.folder, log_dir=Path(tempfile.gettempdir()) / "rebound-bench-log", log_format="json",
        )  # fmt: skip

    def app(self, name: str) -> Flask:
        return create_app(self.settings(name))

    def seeded(self, leads: int) -> Seeded:
        """The seed database for this size; made once and kept between runs."""
        name = f"seed_{leads}"
        with self.admin.connect() as connection:
            there = connection.exec_driver_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'").scalar()
        if not there:
            say(f"seeding {leads:,} leads and {3 * leads:,} calls ...")
            self.sql(f'CREATE DATABASE "{name}_raw"')
            app = self.app(f"{name}_raw")
            with app.app_context():
                upgrade(directory=str(ROOT / "migrations"))
                engine = db.engine
            with sa.create_engine(self.url_of(f"{name}_raw")).connect() as connection:
                seed(connection, leads)
            with sa.create_engine(self.url_of(f"{name}_raw"), isolation_level="AUTOCOMMIT").connect() as connection:
                connection.exec_driver_sql("VACUUM (ANALYZE, FREEZE)")
            engine.dispose()
            self._end_connections(f"{name}_raw")
            self.sql(f'ALTER DATABASE "{name}_raw" RENAME TO "{name}"')
        engine = sa.create_engine(self.url_of(name))
        with engine.connect() as connection:
            row = connection.execute(sa.text("SELECT company_id, id FROM lead_lists ORDER BY id LIMIT 1")).one()
        engine.dispose()
        self._end_connections(name)
        return Seeded(name, row.company_id, row.id, leads)

    def _end_connections(self, name: str) -> None:
        self.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )

    @contextmanager
    def clone(self, source: Seeded) -> Iterator[str]:
        """A fresh copy of the seed, warmed, dropped afterwards."""
        name = f"clone_{next(self.numbers)}"
        self.sql(f'DROP DATABASE IF EXISTS "{name}"')
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{source.name}" STRATEGY FILE_COPY')
        self.sql("CHECKPOINT")
        try:
            yield name
        finally:
            self._end_connections(name)
            self.sql(f'DROP DATABASE "{name}"')

    @contextmanager
    def in_app(self, name: str) -> Iterator[Any]:
        app = self.app(name)
        with app.app_context():
            yield db.session
            db.session.remove()
            db.engine.dispose()
