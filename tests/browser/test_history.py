"""Back, a session that ended, two tabs and two clicks: what browsers do to an app of parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from tests.browser.steps import press, sign_in
from tests.factories import make_company, make_lead, make_list, make_user
from webapp.core.db import db as database
from webapp.leads.models import Lead, LeadList


@pytest.fixture
def user(db: Any) -> Any:
    user = make_user(make_company("Northside"), email="ana@example.com")
    found = make_list(user.company, name="Spring dealers")
    for name, status in (("Bea", "busy"), ("Ben", "busy"), ("Noa", "new")):
        make_lead(found, first_name=name, last_name="Tester", status=status)
    return user


def filtered(page: Page, user: Any) -> None:
    """The leads at Busy, chosen by mouse: a part of the page was swapped and the address changed."""
    sign_in(page, user.email)
    page.goto("/leads")
    page.click("#filter-status-button")
    page.get_by_role("checkbox", name=re.compile("^Busy")).check()
    page.wait_for_url("**/leads?status=busy")
    expect(page.locator("#leads tbody tr")).to_have_count(2)
    page.keyboard.press("Escape")


def whole(page: Page) -> None:
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator(".sidebar")).to_have_count(1)


def test_back_from_a_lead_shows_the_same_filtered_rows_in_a_whole_page(page: Page, user: Any) -> None:
    filtered(page, user)
    page.locator("#leads tbody th a").first.click()
    page.wait_for_url(re.compile(r"/leads/\d+"))
    page.go_back()
    page.wait_for_url("**/leads?status=busy")
    whole(page)
    expect(page.locator("#leads tbody tr")).to_have_count(2)
    page.go_forward()
    page.wait_for_url(re.compile(r"/leads/\d+"))
    whole(page)


def test_history_gives_a_whole_page_where_a_part_was_swapped(page: Page, user: Any) -> None:
    filtered(page, user)
    page.go_back()
    page.wait_for_url("**/leads")
    whole(page)
    expect(page.locator("#leads tbody tr")).to_have_count(3)
    page.go_forward()
    page.wait_for_url("**/leads?status=busy")
    whole(page)
    expect(page.locator("#leads tbody tr")).to_have_count(2)


def test_an_address_pasted_into_another_session_shows_the_same_rows(new_page: Callable[..., Page], user: Any) -> None:
    first = new_page()
    filtered(first, user)
    names = first.locator("#leads tbody th a").all_inner_texts()
    other = new_page()
    sign_in(other, make_user(user.company, email="bo@example.com").email)
    other.goto(first.url)
    assert other.locator("#leads tbody th a").all_inner_texts() == names


def test_a_session_that_ended_leads_to_the_login_and_back(page: Page, user: Any) -> None:
    filtered(page, user)
    page.context.clear_cookies()
    page.locator("#filters-q").fill("Bea")
    page.wait_for_url("**/login?next=**")
    expect(page.locator("h1")).to_have_count(1)
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill("correct horse battery")
    press(page, "Sign in")
    page.wait_for_url("**/leads?**")
    whole(page)


def test_two_clicks_on_a_submit_make_one_record(page: Page, user: Any) -> None:
    sign_in(page, user.email)
    page.goto("/lists/new")
    page.get_by_label("Name").fill("Twice")
    page.get_by_role("button", name="Create list").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Twice")
    database.session.rollback()
    assert database.session.scalar(sa.select(sa.func.count()).where(LeadList.name == "Twice")) == 1


def test_the_tab_that_comes_second_is_told_what_the_first_one_changed(page: Page, user: Any) -> None:
    sign_in(page, user.email)
    lead_id = database.session.scalar(sa.select(Lead.id).where(Lead.first_name == "Noa"))
    second = page.context.new_page()
    for tab in (page, second):
        tab.goto(f"/leads/{lead_id}/edit")
    page.get_by_label("Business").fill("First Motors")
    press(page, "Save lead")
    page.wait_for_url(f"**/leads/{lead_id}")
    second.get_by_label("Business").fill("Second Motors")
    press(second, "Save lead")
    expect(second.get_by_role("main")).to_contain_text("First Motors")
    expect(second.get_by_role("main")).to_contain_text("Second Motors")
    database.session.rollback()
    assert database.session.get_one(Lead, lead_id).business == "First Motors"
