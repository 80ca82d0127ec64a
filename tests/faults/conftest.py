"""Servers that only the tests of this folder hurt, and an app on them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.api.keys import make_key
from tests.factories import make_company, make_lead, make_list, make_user, sign_in
from tests.harness.client import Client
from tests.harness.databases import migrate
from tests.harness.workers import JobRunner
from webapp import create_app
from webapp.config import Settings
from webapp.core.db import db
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis


@dataclass
class Rig:
    """An installation of its own: `postgres` and `redis` may be stopped, hung and filled."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    settings: Settings
    app: Flask

    def client(self, user: Any = None) -> Client:
        made = self.app.test_client()
        assert isinstance(made, Client)
        return sign_in(made, user) if user is not None else made

    def work(self) -> list[Any]:
        with self.redis.connect() as connection:
            return JobRunner(self.app, connection)()


@dataclass
class Desk:
    """A company with a list, a manager's browser and a dialer's key."""

    company_id: int
    list_id: int
    lead_ids: list[int]
    user: Any
    client: Client
    token: str


@pytest.fixture(scope="session")
def own_rig() -> Iterator[Rig]:
    folder = Path(tempfile.mkdtemp(prefix="rebound-faults-"))
    folder.chmod(0o711)
    postgres, redis = EmbeddedPostgres(folder / "pg", test=True), EmbeddedRedis(folder / "redis", test=True)
    database_url, redis_url = postgres.start(), redis.start()
    with postgres.connect() as connection:  # a crash must not take what was committed
        connection.execute("ALTER SYSTEM SET synchronous_commit = on")
        connection.execute("SELECT pg_reload_conf()")
    (folder / "log").mkdir()
    settings = Settings(
        env="test", database_url=database_url, redis_url=redis_url, secret_key="a key that is only good for tests",
        var_dir=folder, log_dir=folder / "log", base_url="http://localhost",
    )  # fmt: skip
    app = create_app(settings)
    app.testing, app.test_client_class = True, Client
    migrate(app)
    yield Rig(postgres, redis, settings, app)
    with app.app_context():
        db.engine.dispose()
    postgres.destroy()
    redis.destroy()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rig(own_rig: Rig) -> Iterator[Rig]:
    """Both servers run at the start; a test that hurts one leaves it to this to mend."""
    own_rig.postgres.start()
    own_rig.redis.start()
    with own_rig.redis.connect() as connection:
        connection.config_set("maxmemory", 0)
        connection.flushall()
    with own_rig.app.app_context():
        yield own_rig
        db.session.remove()


@pytest.fixture
def desk(rig: Rig) -> Desk:
    company = make_company()
    user = make_user(company)
    lead_list = make_list(company)
    lead_ids = [make_lead(lead_list).id for _ in range(3)]
    made = Desk(company.id, lead_list.id, lead_ids, user, rig.client(user), make_key(company))
    db.session.commit()
    return made
