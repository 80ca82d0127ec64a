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
from webapp.dialer.models import Callback, CallLog, HopperEntry
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


def show(page: Page, name: str) -> None:
    """Wait for this lead, and until it takes presses."""
    expect(page.locator("#desk-name")).to_have_text(name)
    expect(page.locator("#desk[data-settling]")).to_have_count(0)


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
    for n in range(18):
        show(page, f"Lead No{n:02}")
        if n == 4:
            page.keyboard.press("m")
            page.keyboard.type("Sold to somebody else 1 2 3")
            page.keyboard.press("Escape")
        page.keyboard.press(KEYS[n % 10])
    show(page, "Lead No18")
    page.keyboard.press("z")
    show(page, "Lead No17")
    page.keyboard.press("1")
    show(page, "Lead No18")
    page.keyboard.press("8")
    expect(page.locator("#desk-later [name=callback]")).to_be_focused()
    page.locator("#desk-later [name=callback]").fill("2026-12-15T10:30")
    page.keyboard.press("Enter")
    show(page, "Lead No19")
    token = page.locator("#desk-result [name=token]")
    before = token.input_value()
    page.keyboard.press("k")
    expect(token).not_to_have_value(before)
    show(page, "Lead No19")
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


def open_desk(new_page: Callable[..., Page], leads: int) -> Page:
    company = make_company(zone="America/New_York")
    lead_list = make_list(company, dial_campaign_id=make_campaign(company, windows=ALWAYS).id)
    for n in range(leads):
        make_lead(lead_list, first_name="Lead", last_name=f"No{n:02}", zone="America/New_York")
    page = new_page(reduced_motion="reduce")
    sign_in(page, make_user(company, "rep").email)
    page.goto("/desk")
    page.get_by_role("button", name="Start").click()
    show(page, "Lead No00")
    return page


def results() -> list[str | None]:
    database.session.rollback()
    return list(database.session.scalars(sa.select(CallLog.result).order_by(CallLog.id)))


def test_a_key_that_is_held_and_a_double_click_give_one_result_each(new_page: Callable[..., Page], db: Any) -> None:
    page = open_desk(new_page, 6)
    page.keyboard.down("1")
    for _ in range(12):
        page.keyboard.down("1")  # as the keyboard repeats it
    show(page, "Lead No01")
    for _ in range(12):
        page.keyboard.down("1")
    page.keyboard.up("1")
    assert results() == ["no_answer"]
    with page.expect_response("**/desk/result"):
        page.locator("#desk-busy").click()
    expect(page.locator("#desk[data-settling]")).to_have_count(1)
    page.locator("#desk-busy").click(force=True)
    page.keyboard.press("s")
    show(page, "Lead No02")
    assert results() == ["no_answer", "busy"]
    expect(page.locator("#desk-call")).to_be_focused()
    page.keyboard.press("3")
    show(page, "Lead No03")
    assert results() == ["no_answer", "busy", "busy"]


def test_notes_outlive_a_reload_and_a_lost_lease_and_go_with_their_lead(new_page: Callable[..., Page], db: Any) -> None:
    page = open_desk(new_page, 2)
    notes = page.locator("#desk-result textarea")
    notes.fill("They want two, in blue")
    page.reload()
    expect(notes).to_have_value("They want two, in blue")
    database.session.execute(sa.delete(HopperEntry).where(HopperEntry.status != "ready"))
    database.session.commit()
    page.keyboard.press("6")
    expect(page.get_by_role("alert")).to_contain_text("They want two, in blue")
    page.get_by_role("button", name="Record “Spoke with them” for Lead No00").click()
    expect(page.get_by_text("Spoke with them noted for Lead No00")).to_be_visible()
    database.session.rollback()
    assert database.session.execute(sa.select(CallLog.result, CallLog.notes)).all() == [
        ("contacted", "They want two, in blue")
    ]
    page.get_by_role("button", name="Start").click()
    show(page, "Lead No01")
    expect(notes).to_have_value("")
