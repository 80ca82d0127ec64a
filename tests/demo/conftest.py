from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask

from tests.factories import make_company, make_user
from tests.harness.databases import Databases
from webapp import create_app
from webapp.core.db import db
from webapp.demo import service

SCALE = 0.02


@dataclass(frozen=True)
class World:
    """A database of its own with one company that has demo data, loaded once; tests only read it."""

    app: Flask
    company_id: int
    user_id: int
    row_id: int


@pytest.fixture(scope="session")
def loaded_once(prepared, databases: Databases) -> Iterator[World]:
    template = prepared.template.partition("?")[0].rpartition("/")[2]
    settings = prepared.settings.model_copy(update={"database_url": databases.create("demo", template=template)})
    app = create_app(settings)
    with app.app_context():
        user = make_user(make_company("Northwind"), email="boss@example.com")
        row = service.start_demo(user.company, by=user, scale=SCALE, ring=False)
        service.perform(row.id)
        world = World(app, user.company_id, user.id, row.id)
        db.session.remove()
    yield world
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def demo(loaded_once: World) -> Iterator[World]:
    with loaded_once.app.app_context():
        yield loaded_once
        db.session.rollback()
        db.session.remove()
