"""The pages as people meet them: by eye, by keyboard, by screen reader, without scripts, on a phone."""

import pytest

from tests.factories import PASSWORD, make_list
from webapp.notifications.service import notify
from webapp.reports.service import request_export, run_export


@pytest.fixture
def pages(company, manager, ten):
    export = request_export("status_report", "csv", by=manager, params={"list_id": ten.id}, subject=ten.name)
    run_export(export.id)
    waiting = request_export("status_report", "pdf", by=manager, params={"list_id": ten.id}, subject=ten.name)
    notify(company.id, "repair", "12 leads were repaired", level="warn", url="/problems")
    return (
        "/reports", f"/lists/{ten.id}/status-report", f"/lists/{make_list(company).id}/status-report", "/exports",
        f"/exports/{export.id}", f"/exports/{waiting.id}", "/notifications",
    )  # fmt: skip


def enter(page, user):
    page.goto("/login")
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def test_the_formula_shows_on_focus(new_page, manager, ten):
    page = new_page()
    enter(page, manager)
    page.goto(f"/lists/{ten.id}/status-report")
    tip = page.locator("#formula-final_net")
    assert not tip.is_visible()
    page.locator(".formula", has=tip).focus()
    tip.wait_for(state="visible")
    assert "without Do Not Call and Invalid" in tip.inner_text()


def test_a_file_is_asked_for_watched_and_taken(new_page, manager, ten, worker):
    page = new_page()
    enter(page, manager)
    page.goto(f"/lists/{ten.id}/status-report")
    page.get_by_role("button", name="CSV").click()
    page.wait_for_url("**/exports/*")
    assert "Waiting" in page.locator("#export-file").inner_text()
    worker()
    link = page.get_by_role("link", name="Download status-report", exact=False)
    link.wait_for()
    with page.expect_download() as got:
        link.click()
    assert got.value.suggested_filename.startswith("status-report_delhi-80k_")


def test_everything_works_without_scripts(new_page, manager, ten, worker, pages):
    page = new_page(java_script_enabled=False)
    enter(page, manager)
    page.goto(f"/lists/{ten.id}/status-report")
    page.get_by_role("button", name="Download PDF").click()
    worker()
    page.reload()
    assert page.get_by_role("link", name="Download status-report", exact=False).is_visible()
    page.goto("/notifications")
    page.get_by_role("button", name="Mark all read").click()
    assert page.get_by_role("button", name="Mark all read").count() == 0
