"""Filling in a real browser: every case is sent, and the server's log says what arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext

from demo_sites.server import SiteServer
from tests.automation.acting_support import ENQUIRY, LIMITS, check_truth, contact_form, send
from webapp.automation.engine import read
from webapp.automation.engine.fill import Unfillable, fill_form
from webapp.automation.engine.outcome import SavedMapping

MESSAGE = ENQUIRY.message.replace("\n", "\r\n")
BASIC = {
    "first": "Ana",
    "last": "Lopez",
    "email": "ana.lopez@example.com",
    "phone": "5125550142",
    "message": MESSAGE,
}


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(service_workers="block")
    context.add_init_script(read.INIT_SCRIPT)
    context.set_default_timeout(8000)
    yield context
    context.close()


@pytest.fixture
def context(shared: BrowserContext) -> Iterator[BrowserContext]:
    yield shared
    for page in shared.pages:
        page.close()


@pytest.mark.parametrize("name", ["trap-all", "trap-unstyled", "trap-injected-sheet", "trap-numbered", "answer-box"])
def test_a_trap_stays_empty(context: BrowserContext, sites: SiteServer, name: str) -> None:
    check_truth(name, send(context, sites, name))


@pytest.mark.parametrize(
    "name",
    [
        "seen-opacity",
        "seen-styled",
        "seen-below",
        "late-redraw",
        "mask-phone",
        "mask-boxes",
        "mask-prefix",
        "mask-zip",
        "pick-native",
        "pick-other",
        "pick-radio",
        "pick-listbox",
        "pick-portal",
        "pick-ahead",
        "pick-behind",
        "pick-dependent",
        "pick-heard",
        "consent-terms",
        "consent-sms-optional",
        "locked-acceptance",
        "thanks-revealed",
        "frame-same",
        "frame-sandbox",
        "frame-lazy",
        "shadow-open",
        "shadow-closed",
        "shadow-framed",
        "shadow-frame",
        "no-form-tag",
    ],
)
def test_a_hard_form_arrives_whole(context: BrowserContext, sites: SiteServer, name: str) -> None:
    done = send(context, sites, name)
    check_truth(name, done)
    got = done.values()
    assert got["email"] == "ana.lopez@example.com"
    assert got["message"].startswith("I would like to know more")
    if "phone" in got:
        assert "".join(c for c in got["phone"] if c.isdigit()) == "5125550142"


@pytest.mark.parametrize("name", ["frame-cross", "frame-nested"])
def test_a_form_in_a_frame_of_another_origin_arrives_whole(
    context: BrowserContext, sites: SiteServer, name: str
) -> None:
    done = send(context, sites, name, at="frame-guest")
    assert done.outcome == {"ok": True, "submission": "confirmed"}
    assert done.values() == BASIC


def test_a_form_that_comes_late_arrives_whole(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "late-form", ready="form")
    check_truth("late-form", done)
    assert done.values() == BASIC


def test_a_form_that_comes_on_scroll_arrives_whole(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "late-scroll", before=lambda page: page.mouse.wheel(0, 9000), ready="form")
    check_truth("late-scroll", done)
    assert done.values() == BASIC


@pytest.mark.parametrize(("name", "opener"), [("behind-dialog", "#open"), ("behind-accordion", "summary")])
def test_a_form_behind_a_dialog_or_a_fold_arrives_whole_once_opened(
    context: BrowserContext, sites: SiteServer, name: str, opener: str
) -> None:
    done = send(context, sites, name, before=lambda page: page.click(opener))
    check_truth(name, done)
    assert done.values() == BASIC


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("locked-forever", "stays locked"),
        ("locked-field", '"Email" stays locked'),
        ("consent-sms", "text messages"),
        ("pick-missing", '"Make" has no option for this enquiry (Honda)'),
        ("pick-unknown", "favourite colour"),
    ],
)
def test_what_cannot_be_filled_is_said_by_its_label(
    context: BrowserContext, sites: SiteServer, name: str, words: str
) -> None:
    done = send(context, sites, name)
    check_truth(name, done)
    assert done.failed is not None
    assert words in done.failed.message


@pytest.mark.parametrize("name", ["thanks-hidden", "thanks-always"])
def test_thanks_that_stand_on_the_page_do_not_confirm(context: BrowserContext, sites: SiteServer, name: str) -> None:
    check_truth(name, send(context, sites, name))


def test_consent_to_text_messages_is_given_when_the_enquiry_gives_it(
    context: BrowserContext, sites: SiteServer
) -> None:
    done = send(
        context, sites, "consent-sms", enquiry=replace(ENQUIRY, consents=frozenset({"terms", "contact", "sms"}))
    )
    assert done.outcome == {"ok": True, "submission": "confirmed"}
    assert done.values()["sms"] == "1"


def test_a_person_s_mapping_wins_over_the_engine_s(context: BrowserContext, sites: SiteServer) -> None:
    mapping = SavedMapping(
        contact_url="",
        fingerprint="",
        fields={
            "make": {"kind": "vehicle_make", "selector": "", "label": "Make", "option": "Ford"},
            "phone": {"kind": "unknown", "selector": "", "label": "Phone"},
            "message": {"kind": "message", "selector": "", "label": "Message", "text": "As agreed."},
        },
        edited=True,
    )
    got = send(context, sites, "pick-missing", saved=mapping).values()
    assert got["make"] == "ford"
    assert got["phone"] == ""
    assert got["message"] == "As agreed."


def test_every_field_is_reported_with_its_kind_and_place(context: BrowserContext, sites: SiteServer) -> None:
    page = context.new_page()
    page.goto(sites.url_of("trap-unstyled"))
    form, kinds = contact_form(page)
    fields = {one.key: one for one in fill_form(page, form, kinds, ENQUIRY, limits=LIMITS)}
    assert {key: one.kind for key, one in fields.items()} == {
        "first": "first_name",
        "last": "last_name",
        "email": "email",
        "phone": "phone",
        "message": "message",
        "input_9": "honeypot",
    }
    assert [one.key for one in fields.values() if not one.filled] == ["input_9"]
    assert fields["email"].required
    assert not fields["phone"].required
    assert all(one.box and one.selector for one in fields.values())


def test_what_stops_the_filling_tells_how_far_it_got(context: BrowserContext, sites: SiteServer) -> None:
    page = context.new_page()
    page.goto(sites.url_of("pick-unknown"))
    form, kinds = contact_form(page)
    with pytest.raises(Unfillable) as stopped:
        fill_form(page, form, kinds, ENQUIRY, limits=LIMITS)
    assert {one.key: one.filled for one in stopped.value.fields} == {
        "first": True,
        "last": True,
        "email": True,
        "phone": True,
        "message": True,
        "colour": False,
    }
