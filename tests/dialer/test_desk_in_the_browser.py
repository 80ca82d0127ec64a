"""An agent works twenty leads by keyboard alone, in a real browser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in
from tests.factories import make_campaign, make_company, make_lead, make_list, make_user
from webapp.core.db import db as database
from webapp.dialer.models import Callback, CallLog
from webapp.leads.models import Lead

ALWAYS = {str(day): ["00:00", "00:00"] for day in range(7)}
KEYS = ["1", "2", "3", "4", "5", "6", "7", "9", "s", "0"]
STATUSES = [
    "no_answer",
    "no_answer",
    "busy",
    "failed",
    "invalid",
    "contacted",
    "not_interested",
    "qualified",
    "sale",
    "dnc",
]


def test_twenty_leads_by_keyboard_alone(new_page: Callable[..., Page], db: Any) -> None:
    company = make_company(zone="America/New_York")
    campaign = make_campaign(company, windows=ALWAYS, hopper_level=5)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    for n in range(20):
        make_lead(lead_list, first_name="Lead", last_name=f"No{n:02}", zone="America/New_York")
    agent = make_user(company, "rep")
    page = new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    sign_in(page, agent.email)
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/desk")
    page.keyboard.press("n")
    name = page.locator("#desk-name")
    for n in range(18):
        expect(name).to_have_text(f"Lead No{n:02}")
        if n == 4:
            page.keyboard.press("m")
            page.keyboard.type("Sold to somebody else 1 2 3")
            page.keyboard.press("Escape")
        page.keyboard.press(KEYS[n % 10])
    expect(name).to_have_text("Lead No18")
    page.keyboard.press("z")
    expect(name).to_have_text("Lead No17")
    page.keyboard.press("1")
    expect(name).to_have_text("Lead No18")
    page.keyboard.press("8")
    expect(page.locator("#desk-later [name=callback]")).to_be_focused()
    page.locator("#desk-later [name=callback]").fill("2026-12-15T10:30")
    page.keyboard.press("Enter")
    expect(name).to_have_text("Lead No19")
    token = page.locator("#desk-result [name=token]")
    before = token.input_value()
    page.keyboard.press("k")
    expect(token).not_to_have_value(before)
    expect(name).to_have_text("Lead No19")
    page.keyboard.press("3")
    expect(page.get_by_text("Nothing to dial now")).to_be_visible()
    database.session.rollback()
    statuses = list(database.session.scalars(sa.select(Lead.status).order_by(Lead.id)))
    assert statuses[:17] == [STATUSES[n % 10] for n in range(17)]
    assert statuses[17:] == ["no_answer", "callback", "busy"]
    calls = database.session.scalars(sa.select(CallLog)).all()
    assert Counter(call.lead_id for call in calls).most_common(1)[0][1] == 1
    assert len(calls) == 20
    assert database.session.scalar(sa.select(CallLog.notes).where(CallLog.notes != "")) == "Sold to somebody else 1 2 3"
    assert database.session.scalar(sa.select(sa.func.count()).select_from(Callback)) == 1


def test_pressing_the_number_counts_the_dial_at_once_and_a_new_tab_has_the_lead_again(new_page: Callable[..., Page], db: Any) -> None:  # fmt: skip
    company = make_company(zone="America/New_York")
    campaign = make_campaign(company, windows=ALWAYS)
    lead = make_lead(
        make_list(company, dial_campaign_id=campaign.id), zone="America/New_York", first_name="Only", last_name="One"
    )
    agent = make_user(company, "rep")
    page = new_page(reduced_motion="reduce")
    sign_in(page, agent.email)
    page.goto("/desk")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#desk-name")).to_have_text("Only One")
    # The browser has no phone; that it asks for one is enough.
    page.evaluate(
        "document.addEventListener('click', event => { if (event.target.closest('#desk-call')) event.preventDefault() })"
    )
    page.keyboard.press("c")
    expect(page.locator("#desk-since")).to_contain_text("Dialed")
    other = page.context.new_page()
    page.close()
    other.goto("/desk")
    expect(other.locator("#desk-name")).to_have_text("Only One")
    expect(other.locator("#desk-skip")).to_have_count(0)
    database.session.rollback()
    assert database.session.scalar(sa.select(Lead.dial_attempts).where(Lead.id == lead.id)) == 1
