import pytest

from tests.api.keys import Api, make_key
from tests.factories import make_company
from tests.harness.client import Client
from webapp.accounts.models import Company


@pytest.fixture
def company(db) -> Company:
    return make_company()


@pytest.fixture
def api(client: Client, company: Company) -> Api:
    return Api(client, make_key(company))
