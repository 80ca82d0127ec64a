"""The press itself: once, on what is there when it is pressed."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, ElementHandle, Page

from tests.automation.acting_support import first_page
from webapp.automation.engine.submit import _press_once

PAGE = """<!doctype html><button id=send onclick="document.body.dataset.pressed = (Number(document.body.dataset.pressed) || 0) + 1">
Send</button>"""


def button(page: Page) -> ElementHandle:
    found = page.query_selector("#send")
    assert found is not None
    return found


def pressed(page: Page) -> str | None:
    found: str | None = page.evaluate("document.body.dataset.pressed")
    return found


def test_a_button_that_is_drawn_anew_in_the_last_moment_is_pressed_once_all_the_same(context: BrowserContext) -> None:
    page = first_page(context)
    page.set_content(PAGE)
    old = button(page)
    page.evaluate("() => { const one = document.querySelector('#send'); one.replaceWith(one.cloneNode(true)); }")
    _press_once(old, lambda: button(page))
    assert pressed(page) == "1"


def test_a_button_under_a_cover_is_pressed_once_by_key_and_the_cover_never(context: BrowserContext) -> None:
    page = first_page(context)
    page.set_content(PAGE + '<div style="position: fixed; inset: 0" onclick="document.body.dataset.covered = 1"></div>')
    _press_once(button(page), lambda: button(page))
    assert pressed(page) == "1"
    assert page.evaluate("document.body.dataset.covered") is None


def test_a_button_that_hides_the_press_from_everybody_is_heard_all_the_same(context: BrowserContext) -> None:
    page = first_page(context)
    page.set_content(PAGE)
    page.evaluate(
        "document.querySelector('#send').addEventListener('click', event => event.stopImmediatePropagation(), true)"
    )
    _press_once(button(page), lambda: button(page))
    assert pressed(page) is None, "its own listener came first, and no second press followed"
