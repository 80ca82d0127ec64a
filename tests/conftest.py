"""Fixtures of every test. Nothing starts before a test asks for it.

`db`              an app context and the database; what the test adds is committed before each request
`set_clock`       call it to move the database's clock
`client`          a Flask client: own context per request, HTML linted, `client.htmx(path)`
`runner`          `flask ...` commands
`worker`          call it to run queued jobs to the end, here; `worker.waiting()` lists them
`worker_process`  call it with queue names for a real worker process
`live_server`     the app on a port; `page`, `new_page` a watched Chromium page on it
`servers`, `databases`   the servers below, and empty or migrated databases on them
"""

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from playwright.sync_api import Browser, Page, sync_playwright

from tests.harness.client import Client, Runner
from tests.harness.databases import Databases, Servers, Sweeper, migrate
from tests.harness.web import LiveServer, Watched, browser_arguments, commit_before
from tests.harness.workers import JobRunner, WorkerProcess
from webapp import create_app
from webapp.config import Settings
from webapp.core.chromium import find_chromium
from webapp.core.db import db as database

_shared = pytest.StashKey[Servers]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With xdist, the controller starts the servers and tells each of its processes where."""
    stash = node.config.stash
    if _shared not in stash:
        stash[_shared] = Servers.start()
    node.workerinput["database_url"] = stash[_shared].database_url
    node.workerinput["redis_url"] = stash[_shared].redis_url
    node.workerinput["folder"] = str(stash[_shared].folder)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected lives to the end: looking through it again and again was a tenth of each process's time."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _shared in config.stash:
        config.stash[_shared].stop()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    given = getattr(request.config, "workerinput", None)
    if given is not None:
        yield Servers(Path(given["folder"]), None, None, given["database_url"], given["redis_url"])
        return
    started = Servers.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Iterator[Databases]:
    name = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made = Databases(servers.database_url, f"test_{os.getpid()}_{name}")
    yield made
    made.drop_all()


def _make_settings(servers: Servers, database_url: str, folder: Path, number: int) -> Settings:
    logs = folder / "log"
    logs.mkdir()
    return Settings(
        env="test",
        database_url=database_url,
        redis_url=servers.redis_database(number),
        secret_key="a key that is only good for tests",
        var_dir=folder,
        log_dir=logs,
        base_url="http://localhost",
        chromium_path=find_chromium(os.environ.get("CHROMIUM_PATH", "")) or "",
    )


@dataclass
class Prepared:
    """A migrated database and the app on it, as the session's tests share them."""

    app: Flask
    settings: Settings
    template: str
    sweeper: Sweeper


_prepared: list[Prepared] = []


@pytest.fixture(scope="session")
def prepared(servers: Servers, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    folder = tmp_path_factory.mktemp("var")
    template = databases.create("template")
    first = tmp_path_factory.mktemp("template")
    migrate(create_app(_make_settings(servers, template, first, 0)))
    url = databases.create("tests", template=template.partition("?")[0].rpartition("/")[2])
    settings = _make_settings(servers, url, folder, int(worker.removeprefix("gw")))
    app = create_app(settings)
    app.testing = True
    app.test_client_class = Client
    app.test_cli_runner_class = Runner
    made = Prepared(app, settings, template, Sweeper(url, settings.redis_url))
    _prepared.append(made)
    yield made
    _prepared.remove(made)
    made.sweeper.close()
    with app.app_context():
        database.engine.dispose()


@pytest.fixture(scope="session")
def app(prepared: Prepared) -> Flask:
    return prepared.app


@pytest.fixture(scope="session")
def settings(prepared: Prepared) -> Settings:
    return prepared.settings


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Empty tables and an empty Redis for whoever comes next."""
    yield
    for made in _prepared:
        made.sweeper.sweep()


@pytest.fixture
def new_database(prepared: Prepared, databases: Databases) -> Iterator[Callable[..., str]]:
    """Call it for the URL of one more migrated database; dropped after the test."""
    made: list[str] = []

    def create(*, migrated: bool = True) -> str:
        template = prepared.template.partition("?")[0].rpartition("/")[2]
        made.append(databases.create(f"extra{len(databases.made)}", template=template if migrated else "template1"))
        return made[-1]

    yield create
    for url in made:
        databases.drop(url)


@pytest.fixture
def db(app: Flask, clean: None) -> Iterator[SQLAlchemy]:
    with app.app_context():
        yield database
        database.session.rollback()


@pytest.fixture
def set_clock(db: SQLAlchemy) -> Iterator[Callable[[datetime], None]]:
    """Call it with the moment that this database takes for now, in every connection that begins after it.

    The database's setting, not the role's: other processes of the same test run keep their own time.
    """

    def move(at: datetime | None) -> None:
        database.session.commit()
        name = database.session.connection().dialect.identifier_preparer.quote(database.engine.url.database or "")
        setting = f"SET rebound.now = '{at.isoformat()}'" if at else "RESET rebound.now"
        database.session.execute(sa.text(f"ALTER DATABASE {name} {setting}"))
        database.session.commit()
        database.engine.dispose()

    yield move
    database.session.rollback()
    move(None)


@pytest.fixture
def client(app: Flask, db: SQLAlchemy) -> Client:
    made = app.test_client()
    assert isinstance(made, Client)
    return made


@pytest.fixture
def runner(app: Flask, db: SQLAlchemy) -> Runner:
    made = app.test_cli_runner()
    assert isinstance(made, Runner)
    return made


@pytest.fixture
def redis_client(settings: Settings, clean: None) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.redis_url) as connection:
        yield connection


@pytest.fixture
def worker(app: Flask, db: SQLAlchemy, redis_client: redis.Redis) -> JobRunner:
    return JobRunner(app, redis_client)


@pytest.fixture
def worker_process(
    settings: Settings, db: SQLAlchemy, redis_client: redis.Redis
) -> Iterator[Callable[..., WorkerProcess]]:
    started: list[WorkerProcess] = []

    def start(*queues: str) -> WorkerProcess:
        started.append(WorkerProcess(settings, redis_client, queues))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="session")
def live_server(app: Flask) -> Iterator[LiveServer]:
    server = LiveServer(app)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(os.environ.get("CHROMIUM_PATH", "")), args=browser_arguments()
        )
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser, live_server: LiveServer, db: SQLAlchemy) -> Iterator[Callable[..., Page]]:
    """Call it for a page in a context of its own, with options of `browser.new_context`.

    `page.watched.allow("text")` lets a provoked problem pass.
    """
    contexts: list[Watched] = []

    def create(**options: Any) -> Page:
        contexts.append(Watched(browser, live_server.url, **options))
        page = contexts[-1].context.new_page()
        page.watched = contexts[-1]  # type: ignore[attr-defined]
        commit_before(page)
        return page

    yield create
    for watched in contexts:
        watched.context.close()
    for watched in contexts:
        watched.check()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()
