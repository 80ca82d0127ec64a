"""The press itself: once, on what is there when it is pressed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ElementHandle, Error, Page

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


def test_under_a_cover_the_key_is_the_last_way_also_where_the_page_hides_that_it_came(context: BrowserContext) -> None:
    page = first_page(context)
    page.set_content(PAGE + '<div style="position: fixed; inset: 0"></div>')
    page.evaluate(
        """() => {
          document.querySelector('#send').removeAttribute('onclick');
          const mute = event => {
            event.stopImmediatePropagation();
            if (event.type === 'click') document.body.dataset.pressed = (Number(document.body.dataset.pressed) || 0) + 1;
          };
          for (const kind of ['keydown', 'click']) addEventListener(kind, mute, true);
        }"""
    )
    _press_once(button(page), lambda: button(page))
    assert pressed(page) == "1"


@dataclass
class Button:
    """One without a page. It hears what comes by the ways in `hears`; `gone` when it goes as it is clicked, `mute` when its page is on the
    way elsewhere and answers nothing.
    """

    hears: str
    gone: bool = False
    mute: bool = False
    came: list[str] = field(default_factory=list)

    def evaluate_handle(self, script: str) -> Button:
        return self

    def evaluate(self, script: str) -> bool:
        if script.startswith("seen"):
            if self.mute:
                raise Error("Execution context was destroyed")
            return self.hears in self.came
        if "focus" not in script:
            self.came.append("script")
        return True

    def click(self, **_: Any) -> None:
        self.came.append("mouse")
        if self.gone:
            raise Error("Element is not attached to the DOM")

    def press(self, *_: Any, **__: Any) -> None:
        self.came.append("key")


def successor() -> Any:
    pytest.fail("it was looked for again")


@pytest.mark.parametrize("mute", [False, True])
def test_a_button_that_goes_with_its_press_is_not_looked_for_again(mute: bool) -> None:
    one = Button("mouse", gone=True, mute=mute)
    with pytest.raises(Error, match="not attached"):
        _press_once(one, successor)  # type: ignore[arg-type]
    assert one.came == ["mouse"]


def test_a_page_that_goes_elsewhere_with_the_press_gets_no_second_one() -> None:
    one = Button("nothing", mute=True)
    _press_once(one, successor)  # type: ignore[arg-type]
    assert one.came == ["mouse"]


@pytest.mark.parametrize("way", ["mouse", "key", "script"])
def test_the_first_way_that_is_heard_is_the_last(way: str) -> None:
    ways = ["mouse", "key", "script"]
    one = Button(way)
    _press_once(one, successor)  # type: ignore[arg-type]
    assert one.came == ways[: ways.index(way) + 1]


def test_a_press_that_nobody_heard_is_followed_by_none_once_the_form_is_on_its_way(context: BrowserContext) -> None:
    page = first_page(context)
    page.set_content(PAGE)
    page.evaluate(
        """for (const kind of ["pointerdown", "mousedown", "keydown", "click"]) window.addEventListener(kind, (event) => {
             if (kind === "click") document.body.dataset.pressed = (Number(document.body.dataset.pressed) || 0) + 1;
             event.stopImmediatePropagation();
           }, true)"""
    )
    _press_once(button(page), lambda: button(page), lambda: pressed(page) is not None)
    assert pressed(page) == "1"
