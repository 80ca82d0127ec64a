from typing import Any

import pytest

from tests.api.keys import Api, make_key
from tests.dialer_api.floor import NOON, NY, Floor
from tests.factories import make_campaign, make_company, make_list, make_user
from tests.harness.client import Client
from webapp.accounts.models import Company


@pytest.fixture
def company(db) -> Company:
    return make_company()


@pytest.fixture
def api(client: Client, company: Company) -> Api:
    return Api(client, make_key(company))


@pytest.fixture
def floor(db: Any, set_clock: Any, app: Any) -> Floor:
    set_clock(NOON)
    company = make_company(zone=NY)
    campaign = make_campaign(company)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    api = Api(app.test_client(), make_key(company))
    return Floor(company, campaign, lead_list, make_user(company, "rep", name="Ana"), api)
