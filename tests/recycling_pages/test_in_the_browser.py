"""Recycling and repairing in Chromium: by keys, with a worker, accessible, and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD
from tests.harness.web import check_accessible
from tests.recycling_pages.conftest import Place, tracked
from webapp.core.db import db as database
from webapp.leads.models import Lead
from webapp.recycling.models import RecycleBatch


def enter(page: Page, place: Place) -> Page:
    page.goto("/login")
    page.get_by_label("Email").fill(place.manager.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#sidebar", state="attached")
    return page


def many(place: Place, number: int = 501) -> None:
    database.session.execute(
        sa.insert(Lead),
        [
            {"company_id": place.company.id, "list_id": place.list.id, "status": "failed", "last_name": f"Bulk{n}"}
            for n in range(number)
        ],
    )
    database.session.commit()


def test_every_step_of_a_recycling_and_its_undo_is_accessible(new_page: Callable[..., Page], place: Place) -> None:
    page = enter(new_page(reduced_motion="reduce"), place)
    page.goto(f"{place.recycle}?status=no_answer&status=new")
    page.get_by_role("button", name="Preview recycling").click()
    page.wait_for_selector("#recycle-go")
    check_accessible(page)
    page.locator("#recycle-go").click()
    page.wait_for_url("**/recycle-batches/*")
    check_accessible(page)
    page.get_by_role("button", name="Undo this run").click()
    page.wait_for_url("**/undos/*")
    check_accessible(page)


def test_the_preview_keeps_the_focus_and_says_its_count(page: Page, place: Place) -> None:
    enter(page, place).goto(f"{place.recycle}?status=no_answer")
    page.keyboard.press("v")
    page.wait_for_selector("#recycle-go")
    expect(page.locator("#announce")).to_contain_text("2 leads will be recycled")
    assert page.evaluate("document.activeElement.id") in ("recycle-look", "")
    page.get_by_label("Choose Busy").check()
    page.get_by_role("button", name="Preview recycling").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#announce")).to_contain_text("4 leads will be recycled")
    assert page.evaluate("document.activeElement.id") == "recycle-look"


def test_progress_ends_by_itself_and_shows_the_result_in_place(page: Page, place: Place, worker: Any) -> None:
    many(place)
    enter(page, place).goto(f"{place.recycle}?status=failed")
    page.get_by_role("button", name="Preview recycling").click()
    page.get_by_role("button", name="Recycle 501 leads").click()
    page.wait_for_url("**/recycle-batches/*")
    expect(page.locator("#confirmed")).to_contain_text("501")
    worker()
    expect(page.locator("#batch-result")).to_contain_text("exactly what its preview said", timeout=10_000)
    expect(page.locator("#toasts")).to_contain_text("Recycled 501 leads")
    assert page.locator("[hx-trigger^=every]").count() == 0


def test_switching_a_class_off_changes_the_preview_and_the_button(page: Page, place: Place) -> None:
    enter(page, place).goto("/problems/fix")
    expect(page.locator("#fix-go")).to_have_text("Fix 7 leads")
    page.get_by_label("Dialed but still new").uncheck()
    expect(page.locator("#fix-go")).to_have_text("Fix 4 leads")
    expect(page.locator("#announce")).to_contain_text("4 leads will be fixed")
    page.locator("#fix-go").click()
    page.wait_for_url("**/repairs/*")
    expect(page.locator("#before-after")).to_contain_text("not chosen")


def test_a_choice_moves_the_focus_on_and_the_sidebar_counts_down(page: Page, place: Place) -> None:
    enter(page, place).goto("/problems")
    expect(page.locator(".sidebar a[href='/problems'] .count")).to_have_text("11")
    page.get_by_role("button", name="Close the callback").first.click()
    expect(page.locator(".sidebar a[href='/problems'] .count")).to_have_text("10")
    assert page.evaluate("document.activeElement !== document.body")


def test_recycling_and_fixing_work_without_scripts(new_page: Callable[..., Page], place: Place) -> None:
    tracked(place.list, "no_answer")
    page = enter(new_page(java_script_enabled=False), place)
    page.goto(place.recycle)
    page.get_by_label("Choose No Answer").check()
    page.get_by_role("button", name="Preview recycling").click()
    page.get_by_role("button", name="Recycle 3 leads").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recycling of")
    assert database.session.scalars(sa.select(RecycleBatch)).one().done == 3
    page.get_by_role("button", name="Undo this run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Undo:")
    page.goto("/problems")
    page.get_by_role("link", name="Fix 7 leads…").click()
    page.get_by_label("Dialed but still new").uncheck()
    page.get_by_role("button", name="Update the preview").click()
    page.get_by_role("button", name="Fix 4 leads").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Repair")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_runs_out_of_the_window(new_page: Callable[..., Page], place: Place, width: int) -> None:
    page = enter(new_page(viewport={"width": width, "height": 800}), place)
    for path in ("/problems", "/problems/callback_mismatch", "/problems/fix", place.recycle):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
