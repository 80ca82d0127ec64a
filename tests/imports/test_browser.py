"""The way of a file through the pages, in Chromium, each of them sound for assistive technology."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.factories import PASSWORD, make_company, make_user
from tests.harness.web import check_accessible
from webapp.config import ROOT


def test_a_file_goes_from_upload_to_result_and_back(new_page: Callable[..., Page], worker: Any) -> None:
    user = make_user(make_company(), role="manager")
    page = new_page(reduced_motion="reduce")
    page.goto("/login?next=/imports")
    page.fill("[name=email]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing imported yet")).to_be_visible()
    check_accessible(page, themes=True)
    page.get_by_role("main").get_by_role("link", name="Import leads").first.click()
    check_accessible(page, themes=True)
    page.set_input_files("[name=file]", str(ROOT / "static/samples/leads.csv"))
    page.fill("[name=new_list]", "Dealers")
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_label("Phone Number")).to_have_value("phone")
    check_accessible(page, themes=True)
    page.get_by_role("button", name="Check every row").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    worker()
    button = page.get_by_role("button", name="Import 188 leads")  # the page comes by itself
    expect(button).to_be_visible()
    check_accessible(page, themes=True)
    button.click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    worker()
    expect(page.get_by_role("row", name="All rows of the file 200")).to_be_visible()
    check_accessible(page, themes=True)
    with page.expect_download() as download:
        page.get_by_role("link", name="Refused rows (CSV)").click()
    assert download.value.suggested_filename.endswith(".csv")
    page.get_by_role("link", name="Show 4 rows").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check_accessible(page, themes=True)
    page.go_back()
    page.get_by_role("button", name="Undo import").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo import").click()
    worker()
    expect(page.get_by_text("188 leads removed")).to_be_visible()
    page.goto("/imports")
    check_accessible(page, themes=True)
