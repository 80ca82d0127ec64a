"""The parts, seen by a browser: what they promise in docs/ui-parts.md and ui.md."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.harness.client import Client
from tests.harness.web import check_accessible

PAGES = ("list", "record", "desk", "problems", "forms", "feedback", "numbers", "parts", "bare", "error/404")
NewPage = Callable[..., Page]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def focused_row(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('tr')?.id"))


def test_the_gallery_is_not_there_in_production(app: Flask, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/gallery/list").status_code == 200
    monkeypatch.setitem(app.config, "SETTINGS", app.config["SETTINGS"].model_copy(update={"env": "production"}))
    assert client.get("/gallery/list").status_code == 404


def test_every_part_is_accessible_in_both_themes(new_page: NewPage) -> None:
    page = new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 860})
    for name in PAGES:
        page.goto(f"/gallery/{name}")
        check_accessible(page, themes=True)
    page.goto("/gallery/list")
    page.check("#leads-bulk-1")
    # Where the bar rests below the rows: on the way there it lies over one, as a bar that sticks must.
    page.evaluate("window.scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
    check_accessible(page, themes=True)
    page.goto("/gallery/problems")
    page.click("[data-dialog=fix]")
    check_accessible(page, themes=True)


def test_nothing_is_cut_or_scrolls_sideways_at_320_pixels(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 320, "height": 700})
    for name in PAGES:
        page.goto(f"/gallery/{name}")
        excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert excess <= 0, name


def test_targets_on_a_phone_are_44_pixels_high(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 390, "height": 800}, has_touch=True)
    page.goto("/gallery/list")
    small = page.evaluate(
        """[...document.querySelectorAll("main button, main select, main .btn, .bottom-link, main input")]
        .filter((e) => e.checkVisibility() && !e.matches(".checkbox"))
        .map((e) => [e.id || e.textContent.trim(), e.getBoundingClientRect().height]).filter(([, height]) => height < 43.5)"""
    )
    assert small == []


def test_rows_are_walked_selected_and_opened_by_keys(page: Page) -> None:
    page.goto("/gallery/list")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused_row(page) == "lead-1"
    page.keyboard.press("k")
    assert focused_row(page) == "lead-11"
    page.keyboard.press("x")
    expect(page.locator(".bulk-count")).to_have_text("1 lead selected")
    page.keyboard.press("Enter")
    page.wait_for_url("**/gallery/record")


def test_keys_rest_while_one_types(page: Page) -> None:
    page.goto("/gallery/list")
    page.keyboard.press("/")
    assert focused(page) == "filters-q"
    page.keyboard.type("x?j")
    expect(page.locator("#filters-q")).to_have_value("x?j")
    expect(page.locator("#help-keys")).not_to_be_visible()


def test_keys_can_be_turned_off(page: Page) -> None:
    page.goto("/gallery/list")
    page.evaluate("document.body.dataset.shortcuts = 'off'")
    page.keyboard.press("?")
    expect(page.locator("#help-keys")).not_to_be_visible()


def test_the_help_lists_the_keys_of_the_page_and_escape_closes_it(page: Page) -> None:
    page.goto("/gallery/desk")
    page.keyboard.press("?")
    expect(page.locator("#help-keys")).to_contain_text("No answer")
    page.keyboard.press("Escape")
    expect(page.locator("#help-keys")).not_to_be_visible()


def test_shift_click_selects_a_range_and_the_header_shows_a_part(page: Page) -> None:
    page.goto("/gallery/list")
    boxes = page.locator(".row-check")
    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator(".bulk-count")).to_have_text("4 leads selected")
    assert page.evaluate("document.querySelector('#leads-all').indeterminate")


def test_all_matching_is_a_step_of_its_own_and_posts_the_filter(page: Page) -> None:
    page.goto("/gallery/list?sort=-value")
    page.check("#leads-all")
    expect(page.locator(".bulk-count")).to_have_text("12 leads selected")
    page.click("[data-bulk-all]")
    expect(page.locator(".bulk-count")).to_have_text("All 22 leads selected")
    expect(page.get_by_role("button", name="Recycle 22 leads")).to_be_visible()
    fields = page.evaluate("Object.fromEntries(new FormData(document.querySelector('#leads-bulk')))")
    assert (fields["scope"], fields["filter"], fields["seen"]) == ("all", "sort=-value", "22")
    page.locator(".row-check").first.click()
    assert page.input_value("#leads-bulk [name=scope]") == "selected"
    page.click("[data-bulk-clear]")
    expect(page.locator(".bulk-bar")).not_to_be_visible()


def test_typing_replaces_the_address_and_choices_make_history(page: Page) -> None:
    page.goto("/gallery/list")
    before = page.evaluate("history.length")
    page.locator("#filters-q").press_sequentially("ru", delay=30)
    page.wait_for_url("**/list?q=ru")
    assert page.evaluate("history.length") == before
    expect(page.locator("#announce")).to_have_text("1 lead")
    assert focused(page) == "filters-q"
    page.locator("#filters-q").fill("")
    page.wait_for_url("**/gallery/list")
    page.click("#filter-status-button")
    page.check("#filter-status-1")
    page.wait_for_url("**/list?status=new")
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    expect(page.locator(".result-count")).to_have_text("22 leads")
    expect(page.locator(".sidebar")).to_have_count(1)


def test_focus_stays_on_the_sorted_column_and_goes_to_the_region_when_its_control_is_gone(page: Page) -> None:
    page.goto("/gallery/list?status=new")
    page.click("#leads-sort-value")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Value")
    assert focused(page) == "leads-sort-value"
    page.click("#pill-1")
    expect(page.locator("#pill-1")).to_have_count(0)
    page.wait_for_function("document.activeElement.id === 'leads-region'")


def test_a_refused_form_takes_the_focus_to_its_summary_and_says_so_in_the_title(page: Page) -> None:
    page.goto("/gallery/forms")
    form = page.locator("#lead-form")
    form.evaluate("form => form.noValidate = true")
    form.get_by_label("Notes").fill("kept")
    form.get_by_role("button", name="Save lead").click()
    expect(form.locator(".error-summary")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(form.get_by_label("Notes")).to_have_value("kept")
    expect(form.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    form.evaluate("form => form.noValidate = true")
    for label, value in (("Name", "Ana"), ("Phone", "5125550100"), ("Dials per pass", "3")):
        form.get_by_label(label).fill(value)
    form.get_by_label("Time zone").select_option("America/Denver")
    form.get_by_role("button", name="Save lead").click()
    expect(page.locator("#toasts")).to_contain_text("Lead saved")
    expect(page).to_have_title(re.compile("^Forms"))


def test_an_inline_edit_opens_by_enter_and_escape_restores(page: Page) -> None:
    page.goto("/gallery/record")
    page.focus("#record-status-edit")
    page.keyboard.press("Enter")
    expect(page.locator("#record-status-input")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#record-status-edit")).to_be_focused()


def test_a_failure_shows_the_servers_words_and_leaves_the_page_as_it_was(page: Page) -> None:
    page.watched.allow("500")  # type: ignore[attr-defined]
    page.goto("/gallery/forms")
    before = page.locator("#conflict").inner_text()
    page.get_by_role("button", name="Fails with 500").click()
    expect(page.locator("#toasts .toast")).to_contain_text("Reference")
    assert page.locator("#conflict").inner_text() == before
    expect(page.get_by_role("button", name="Fails with 500")).to_be_focused()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_a_lost_network_shows_one_banner_and_recovers_by_itself(page: Page) -> None:
    page.watched.allow("ERR_INTERNET_DISCONNECTED")  # type: ignore[attr-defined]
    page.watched.allow("htmx:sendError")  # type: ignore[attr-defined]
    page.goto("/gallery/feedback")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline")).not_to_be_visible(timeout=20_000)


def test_an_unchanged_poll_touches_nothing(page: Page) -> None:
    page.goto("/gallery/feedback")
    page.evaluate("document.querySelector('#work-2').marked = true")
    with page.expect_response("**/gallery/work/2?v=1") as answer:
        pass
    assert answer.value.status == 204
    assert page.evaluate("document.querySelector('#work-2').marked")


def test_a_large_action_waits_for_the_typed_number(page: Page) -> None:
    page.goto("/gallery/problems")
    page.click("[data-dialog=fix]")
    button = page.locator("#fix button[type=submit]")
    expect(button).to_be_disabled()
    page.fill("#fix-typed", "585")
    expect(button).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.locator("[data-dialog=fix]")).to_be_focused()


def test_a_phone_is_copied_as_e164(new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/gallery/record")
    page.locator(".copy").first.click()
    expect(page.locator("#announce")).to_have_text("Copied +15125550100")
    assert page.evaluate("navigator.clipboard.readText()") == "+15125550100"


def test_without_scripts_the_list_filters_selects_and_edits(new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/gallery/list")
    page.fill("#filters-q", "Ruiz")
    page.press("#filters-q", "Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator(".row-check").check()
    expect(page.locator(".bulk-bar")).to_be_visible()
