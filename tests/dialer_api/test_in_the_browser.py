"""The pages of calls in Chromium: accessible, quiet, and filtered without a reload."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD, T0, make_call, make_lead, make_list, make_user
from webapp.accounts.models import Company
from webapp.core.db import db as database
from webapp.dialer.models import CallEvent
from webapp.timeline.dnc import add_entries


@pytest.fixture
def people(company: Company) -> str:
    user = make_user(company, role="manager")
    lead = make_lead(make_list(company), first_name="Ana", last_name="Ruiz")
    for n in range(3):
        make_call(lead, "busy" if n else "unknown", started_at=T0 + timedelta(hours=n), needs_review=not n)
    database.session.add(
        CallEvent(company_id=company.id, provider="acme", event_id="e-1", provider_call_id="c-1", type="ended",
                  payload={"phone": "+12125550999"}, outcome="quarantined", reason="unknown lead")
    )  # fmt: skip
    add_entries([("phone", "+12125550198")], "Asked by letter", by=user)
    database.session.commit()
    return user.email


def test_a_filter_changes_the_table_and_the_address(new_page: Callable[..., Page], people: str) -> None:
    page = new_page()
    page.goto("/login")
    page.get_by_label("Email").fill(people)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#sidebar", state="attached")
    page.goto("/calls")
    expect(page.locator("#calls tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Result").click()
    page.get_by_label("Unknown outcome").check()
    expect(page.locator("#calls tbody tr")).to_have_count(1)
    assert "status=unknown" in page.url
    page.go_back()
    expect(page.locator("#calls tbody tr")).to_have_count(3)
