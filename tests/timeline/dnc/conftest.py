"""A company, a manager of it who is signed in, and the phone that gets blocked."""

import pytest
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_company, make_user, sign_in
from tests.harness.client import Client
from webapp.accounts.models import Company

PHONE = "+12125550123"


@pytest.fixture
def company(db: SQLAlchemy) -> Company:
    return make_company()


@pytest.fixture
def signed_in(client: Client, company: Company) -> Client:
    return sign_in(client, make_user(company, role="manager"))
