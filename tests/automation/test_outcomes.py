"""What became of a form: the matrix of ways and answers, form builders, other languages, and the rule itself without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import BrowserContext, Error

from demo_sites.outcomes import ANSWERS, WAYS
from demo_sites.outcomes_builders import BUILDERS
from demo_sites.outcomes_odd import LANGUAGES
from demo_sites.server import SITES, SiteServer
from tests.automation.acting_support import check_truth, first_page, send
from webapp.automation.engine import phrases, submit
from webapp.automation.engine.snapshot import Line, Said, Snapshot, View, take_snapshot
from webapp.automation.engine.verdict import Left, Recorded, judge

# What the rule decides, or one page shows with all builders' marks, is tried further down without a site each.
PURE = {
    "cf7-failed", "cf7-invalid", "cf7-unaccepted", "cf7-aborted", "cf7-payment-required",
    *(f"say-{code}-{what}" for code in LANGUAGES for what in ("sent", "field") if (code, what) != ("ar", "sent")),
    *(f"{builder}-{what}" for builder in BUILDERS for what in ("sent", "refused") if (builder, what) != ("hubspot", "sent")),
}  # fmt: skip
ALONE = {"guarded-button", "checks-itself"}
OTHERS = [
    one.name
    for one in SITES.values()
    if one.topic == "outcome" and not one.name.startswith("out-") and one.name not in PURE | ALONE
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_answer_is_read_for_what_it_is(
    context: BrowserContext, sites: SiteServer, way: str, answer: str
) -> None:
    name = f"out-{way}-{answer}"
    done = send(context, sites, name, filled=True)
    check_truth(name, done)
    assert done.submitted is not None
    assert done.watcher.told == ["about_to_submit"]
    if answer in ("field", "spam", "mail"):
        assert done.submitted.message
        assert any(word in done.submitted.message for word in ("valid phone", "spam", "error trying"))
    if answer != "cut":  # a browser sends again by itself what was cut on a used connection
        assert len(done.rows) == 1


@pytest.mark.parametrize("name", OTHERS)
def test_builders_languages_dialogs_and_scripts_are_read_for_what_they_are(
    context: BrowserContext, sites: SiteServer, name: str
) -> None:
    check_truth(name, send(context, sites, name, filled=True))


def test_a_guarded_button_is_pressed_once(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "guarded-button", filled=True)
    check_truth("guarded-button", done)
    assert len(done.rows) == 1
    assert done.page.evaluate("() => document.querySelectorAll('form').length") == 0


def test_nothing_leaves_any_more_once_a_form_counts_as_not_sent(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "checks-itself", filled=True)
    check_truth("checks-itself", done)
    assert done.submitted is not None
    assert done.submitted.submission == "not_sent"
    sent = done.page.evaluate("() => fetch('/send', {method: 'POST', body: 'late'}).then(() => true, () => false)")
    assert sent is False
    assert sites.forms_of("checks-itself") == []


def test_a_press_that_nobody_saw_end_is_never_told_as_not_sent(
    context: BrowserContext, sites: SiteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise Error("the page went")

    monkeypatch.setattr(submit, "_press_once", break_off)
    done = send(context, sites, "visit-home", filled=True)
    assert done.submitted is not None
    assert done.submitted.submission == "unconfirmed"


def test_the_captcha_that_refused_is_named(context: BrowserContext, sites: SiteServer) -> None:
    done = send(context, sites, "out-ajax-captcha", filled=True)
    assert done.submitted is not None
    assert "reCAPTCHA" in done.submitted.captcha_kind


def test_the_marks_of_form_builders_are_known(context: BrowserContext) -> None:
    page = first_page(context)
    inner = '<form><input name="email" value="ana@example.com"></form>'
    found = {}
    for name, (wrapper, good, bad) in BUILDERS.items():
        for outcome, script in (("confirmed", good), ("rejected", bad)):
            page.set_content(wrapper % inner)
            before = take_snapshot(page, (), ["ana@example.com"], None)
            page.evaluate(f"() => {{ const form = document.querySelector('form'); {script}; }}")
            now = take_snapshot(page, (), ["ana@example.com"], None)
            found[name, outcome] = judge(before, now, Recorded((OURS,))).submission == outcome
    assert [case for case, right in found.items() if not right] == []


# The rule itself.
URL = "https://a.example/contact"
BEFORE = Snapshot(
    (View(URL, (Line("Contact us"), Line("Thank you for your message.", seen=False)), held=3, form=True),)
)
OURS = Left(f"{URL}/send", ours=4, status=200)
THANKS = Line("Thank you, your message has been sent.")


def after(*lines: Line, held: int = 0, **more: object) -> Snapshot:
    return Snapshot((View(URL, (Line("Contact us"), *lines), held=held, **more),))  # type: ignore[arg-type]


def said(now: Snapshot, *requests: Left, before: Snapshot = BEFORE, **more: object) -> str:
    return judge(before, now, Recorded(requests, **more)).submission  # type: ignore[arg-type]


def test_an_answer_and_new_words_of_thanks_confirm() -> None:
    assert said(after(THANKS), OURS) == "confirmed"


def test_thanks_without_a_request_confirm_nothing_and_are_not_sent_again() -> None:
    assert said(after(THANKS)) == "unconfirmed"


def test_nothing_left_and_nothing_said_is_not_sent() -> None:
    assert said(after(held=3)) == "not_sent"


def test_text_that_stood_there_before_counts_for_nothing() -> None:
    stood = Snapshot((View(URL, (Line("Contact us"), THANKS), held=3),))
    assert said(after(THANKS, held=3), OURS, before=stood) == "unconfirmed"


def test_hidden_thanks_that_appear_need_a_second_witness() -> None:
    revealed = Line("Thank you for your message.")
    assert said(after(revealed, held=0), OURS) == "confirmed"  # the form is gone too
    still_there = Snapshot((replace(after(revealed).views[0], held=3),))
    assert said(still_there, OURS) == "unconfirmed"


def test_one_piece_of_medium_evidence_is_not_enough() -> None:
    assert said(after(), OURS) == "unconfirmed"


def test_two_pieces_of_medium_evidence_are() -> None:
    moved = Snapshot((View("https://a.example/thank-you", (Line("City Motors"),)),))
    assert said(moved, OURS) == "confirmed"


def test_thanks_beside_the_filled_form_stay_unconfirmed() -> None:
    assert said(after(THANKS, held=3), OURS) == "unconfirmed"


def test_an_announcement_in_a_live_region_counts_whatever_its_language() -> None:
    assert said(after(Line("Takk, vi har fått den.", live=True)), OURS) == "confirmed"
    assert said(after(Line("Sending…", live=True)), OURS) == "unconfirmed"


def test_a_new_page_needs_words_of_its_own() -> None:
    home = Snapshot((View("https://a.example/", (Line("Open today until 8 pm", live=True), Line("Get in touch"))),))
    assert said(home, OURS) == "unconfirmed"


def test_contact_form_7_is_believed_in_all_its_states() -> None:
    verdicts = {}
    for state, good in (("sent", True), ("failed", False), ("spam", False), ("invalid", False), ("aborted", False)):
        machine = (Said("Contact Form 7", good, state, "Thanks."),)
        verdicts[state] = said(after(machine=machine, held=0 if good else 3), OURS)
    assert verdicts.pop("sent") == "confirmed"
    assert set(verdicts.values()) == {"rejected"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("mail_sent", "confirmed"),
        ("mail_failed", "rejected"),
        ("spam", "rejected"),
        ("validation_failed", "rejected"),
        ("acceptance_missing", "rejected"),
        ("aborted", "rejected"),
        ("payment_required", "unconfirmed"),
        ("init", "unconfirmed"),
        ("submitting", "unconfirmed"),
        ("resetting", "unconfirmed"),
        ("custom_state", "unconfirmed"),
    ],
)
def test_the_json_of_contact_form_7_is_read(status: str, outcome: str) -> None:
    reply = f'{{"contact_form_id": 5, "status": "{status}", "message": "Danke."}}'
    assert said(after(held=0 if status == "mail_sent" else 3), replace(OURS, reply=reply)) == outcome


def test_a_server_error_is_nobody_s_no() -> None:
    assert said(after(Line("Internal Server Error")), replace(OURS, status=500)) == "unconfirmed"


def test_what_was_cut_off_after_it_left_is_unconfirmed() -> None:
    assert said(after(held=3), replace(OURS, status=None, failed="net::ERR_CONNECTION_RESET")) == "unconfirmed"


def test_a_refusing_status_is_a_no() -> None:
    assert said(after(held=3), replace(OURS, status=422)) == "rejected"
    assert judge(BEFORE, after(), Recorded((replace(OURS, status=429),))).failure == "rate_limited"


def test_a_request_that_carries_but_one_of_our_words_is_not_the_form() -> None:
    assert said(after(THANKS), replace(OURS, ours=1)) == "unconfirmed"


def test_a_tracker_s_message_is_not_the_form_and_still_forbids_another_try() -> None:
    assert said(after(), replace(OURS, ours=0)) == "unconfirmed"


def test_what_left_through_a_socket_forbids_another_try() -> None:
    assert said(after(), sockets=1) == "unconfirmed"


@pytest.mark.parametrize("doubt", [{"moved": True}, {"unsure": True}])
def test_a_frame_that_went_on_or_a_press_without_an_end_forbids_another_try(doubt: dict[str, bool]) -> None:
    assert said(after(held=3), **doubt) == "unconfirmed"


def test_a_page_that_cannot_be_looked_at_any_more_says_nothing() -> None:
    assert said(Snapshot(())) == "unconfirmed"


def test_thanks_at_length_count_where_the_form_is_gone() -> None:
    thanks = Line("Thank you! It made our day that somebody from Austin thought of us.")
    assert said(after(thanks), OURS) == "confirmed"
    assert said(after(thanks, held=3), OURS) == "unconfirmed"
    assert (
        said(Snapshot((View("https://a.example/", (thanks,)),)), OURS) == "unconfirmed"
    )  # a new page is full of words


def test_a_script_error_matters_only_when_nothing_left() -> None:
    broken = judge(BEFORE, after(held=3), Recorded(script_errors=("x is undefined",)))
    assert (broken.submission, broken.failure) == ("not_sent", "javascript_error")
    fine = judge(BEFORE, after(THANKS), Recorded((OURS,), script_errors=("x is undefined",)))
    assert (fine.submission, fine.failure) == ("confirmed", None)
    refused = Snapshot((replace(after(held=3).views[0], native=("Email: fill this in",)),))
    assert judge(BEFORE, refused, Recorded(script_errors=("x",))).failure == "submission_failed"


def test_an_empty_form_of_a_success_is_not_called_invalid() -> None:
    empty = Snapshot((replace(after(THANKS).views[0], native=("Email: fill this in",)),))
    assert said(empty, OURS) == "confirmed"


def test_a_form_that_answers_in_a_new_window_may_keep_its_words_here() -> None:
    new = View(f"{URL}/send", (THANKS,), window=True)
    both = Snapshot((*after(held=3).views, new))
    assert said(both, replace(OURS, navigation=True, elsewhere=True)) == "confirmed"


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_yes_and_a_no_are_told_apart_in_each_language(code: str) -> None:
    _, yes, no = LANGUAGES[code]
    assert said(after(Line(yes)), OURS) == "confirmed"
    assert said(after(Line(no), held=3), OURS) == "rejected"


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for visiting our website.",
        "Get in touch",
        "Send us a message",
        "Award received in 2023",
        "Thank you for your patience",
        "Thank you, but your message could not be sent.",
        "Please enter your email to receive our newsletter",
    ],
)
def test_words_that_only_sound_like_thanks(text: str) -> None:
    assert not phrases.thanks(text)
