"""`manager` is one of a company with nothing in it; `place` has one signed in beside a project."""

from __future__ import annotations

from typing import Any

import pytest

from tests.automation.projects.page_support import Place
from tests.factories import make_company, make_list, make_project, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts.models import User


@pytest.fixture
def manager(db: Any) -> User:
    return make_user(make_company(), "manager")


@pytest.fixture
def place(client: Client) -> Place:
    company = make_company()
    manager = make_user(company, "manager", name="Mia")
    sign_in(client, manager)
    return Place(client, company, manager, make_list(company, name="Ohio"), make_project(company, name="Spring"))
