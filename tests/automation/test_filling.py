"""Filling in a real browser: every case is sent, and the server's log says what arrived."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import BrowserContext

from demo_sites.server import SiteServer
from tests.automation.acting_support import ENQUIRY, LIMITS, check_truth, contact_form, first_page, send
from webapp.automation.engine.failures import FailureType
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


@pytest.mark.parametrize("name", ["trap-all", "trap-unstyled", "answer-box"])
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
        "frame-same",
        "frame-sandbox",
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


def test_thanks_that_stand_on_the_page_do_not_confirm(context: BrowserContext, sites: SiteServer) -> None:
    check_truth("thanks-hidden", send(context, sites, "thanks-hidden", filled=True))


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
    page = first_page(context)
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
    page = first_page(context)
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


# Small cases, read back from the page itself.
HEAD = """<h1>Contact us</h1><form><label>Name <input name="name" required></label> <label>Email <input name="email" type="email"></label>
<label>Message <textarea name="message"></textarea></label>"""


def fill(context: BrowserContext, more: str, **facts: object) -> tuple[dict[str, str], dict[str, bool]]:
    """The values of a form with `more` controls, and what counts as filled."""
    page = first_page(context)
    page.set_content(f"{HEAD}{more}<button>Send</button></form>")
    form, kinds = contact_form(page)
    fields = fill_form(page, form, kinds, replace(ENQUIRY, **facts), limits=replace(LIMITS, step=1))  # type: ignore[arg-type]
    values = page.evaluate("() => Object.fromEntries(new FormData(document.querySelector('form')))")
    return values, {one.key: one.filled for one in fields}


def test_a_phone_in_two_boxes_is_split_after_its_area_code(context: BrowserContext) -> None:
    values, _ = fill(
        context,
        '<fieldset><legend>Phone</legend><input name="area" size="3" maxlength="3" aria-label="Area code">'
        '<input name="number" size="8" aria-label="Phone number"></fieldset>',
    )
    assert (values["area"], values["number"]) in (("512", "5550142"), ("512", "555-0142"))


def test_what_the_site_has_filled_and_locked_is_left(context: BrowserContext) -> None:
    values, filled = fill(
        context, '<label>Vehicle model <input name="model" value="2024 Honda Civic LX" readonly required></label>'
    )
    assert values["model"] == "2024 Honda Civic LX"
    assert not filled["model"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('<label>Company * <input name="company" required></label>', '"Company" asks for what the enquiry'),
        ('<label>Preferred date * <input name="day" type="date" required></label>', "Preferred date"),
        (
            '<label><input type="checkbox" name="news" required> Sign me up for the newsletter and special offers</label>',
            "marketing",
        ),
        (
            '<label>Middle child\'s pet <select name="pet" required><option value="">Select</option><option>Dog</option></select></label>',
            "not understood",
        ),
    ],
)
def test_what_the_enquiry_cannot_answer_is_not_guessed(context: BrowserContext, more: str, words: str) -> None:
    with pytest.raises(Unfillable) as stopped:
        fill(context, more)
    assert stopped.value.kind == "field_not_found"
    assert words in stopped.value.message


def test_a_drawn_list_that_is_not_understood_gets_an_honest_other_or_stops(context: BrowserContext) -> None:
    drawn = """<div id="l">Favourite colour *</div><div role="combobox" tabindex="0" aria-labelledby="l" aria-required="true"
 aria-controls="o" onclick="document.getElementById('o').hidden = false">Choose</div><input type="hidden" name="colour">
<div role="listbox" id="o" hidden>%s</div>"""
    row = """<div role="option" onclick="document.querySelector('[name=colour]').value = this.textContent">%s</div>"""
    values, _ = fill(context, drawn % (row % "Red" + row % "Other"))
    assert values["colour"] == "Other"
    with pytest.raises(Unfillable) as stopped:
        fill(context, drawn % (row % "Red" + row % "Blue"))
    assert stopped.value.kind == "field_not_found"


def test_filling_stops_at_once_when_it_is_told_to(context: BrowserContext) -> None:
    page = first_page(context)
    page.set_content(f"{HEAD}<button>Send</button></form>")
    form, kinds = contact_form(page)

    def stop() -> None:
        if page.input_value("[name=name]"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_form(page, form, kinds, ENQUIRY, limits=LIMITS, pause=stop)
    assert page.input_value("[name=name]") == "Ana Lopez"
    assert page.input_value("[name=message]") == ""


FORGETS = """drops => {
  const email = document.querySelector('[name=email]');
  document.querySelector('[name=message]').addEventListener('input', () => {
    email.value = '';
    if (drops) email.addEventListener('input', () => { email.value = ''; });
  }, {once: true});
}"""


def test_what_a_later_field_has_emptied_is_put_in_once_more(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "visit-home", before=lambda page: page.evaluate(FORGETS, False))
    assert done.failed is None, done.failed
    assert done.values()["email"] == ENQUIRY.email


def test_a_form_that_does_not_keep_what_is_put_in_is_not_sent(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "visit-home", before=lambda page: page.evaluate(FORGETS, True))
    assert done.failed is not None
    assert done.failed.kind is FailureType.FIELD_DISABLED
    assert "Email" in done.failed.message
    assert done.rows == []
