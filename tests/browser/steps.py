"""What people do on the pages, in a few words."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.factories import PASSWORD
from webapp.config import ROOT

SAMPLES = ROOT / "static" / "samples"


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def upload(page: Page, file: Path, *, new_list: str = "", scope: str = "") -> None:
    """From the upload page to the mapping."""
    page.set_input_files("[name=file]", str(file))
    if new_list:
        page.get_by_label("Into list").select_option(label="A new list")
        page.get_by_label("Name of the new list").fill(new_list)
    if scope:
        page.get_by_label(scope).check()
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_role("button", name="Check every row")).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name).first.click()
