"""Captchas are named and left alone; idle badges let through. The vendors' and the site's servers are believed."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from demo_sites import captchas as captcha_sites
from demo_sites.loading import load_sites
from demo_sites.server import SITES, SiteServer
from tests.automation.acting_support import send
from tests.automation.engine_support import Told, explain, reach, run, touring
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.failures import Failed, FailureType

load_sites()
VENDORS = ("captcha-vendor", "hcaptcha-vendor")
OURS = [one for one in SITES.values() if one.topic == "captchas" and one.name not in VENDORS]
AT_CLICK = ("captcha-at-click", "captcha-score")
BEFORE = [one.name for one in OURS if one.expect.get("failure") and one.name not in AT_CLICK]
PASS = [one.name for one in OURS if one.expect.get("ok")]


def asked_of_vendors(sites: SiteServer) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in sites.visits if one.site in VENDORS and "icon" not in one.path]


def test_a_captcha_that_asks_for_a_person_ends_the_attempt_before_a_field_is_touched(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    told = Told()
    outcome = run(engine, sites, "captcha-v2", told=told)
    assert outcome.failure is FailureType.CAPTCHA_DETECTED, explain(outcome)
    assert "captcha: reCAPTCHA box to tick" in outcome.evidence
    assert "reCAPTCHA box to tick" in outcome.message
    assert outcome.also == []
    assert told.said == ["starting", "loading_page"]
    assert outcome.submission is None
    assert sites.received == []
    assert outcome.screenshot_error


def test_each_kind_is_named_and_its_vendor_asked_by_nobody_but_the_page(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    with touring(engine, sites) as visit_of:
        for name in BEFORE:
            before = len(asked_of_vendors(sites))
            with pytest.raises(Failed) as stopped:
                reach(visit_of(name), sites, name)
            kind = SITES[name].expect["kind"]
            assert stopped.value.kind is FailureType.CAPTCHA_DETECTED, name
            assert f"captcha: {kind}" in stopped.value.evidence, name
            assert kind in stopped.value.message
            asked = asked_of_vendors(sites)[before:]
            assert all(method == "GET" for method, _ in asked)
            assert len(asked) == len(set(asked)), "its frame was only loaded by the page itself"


def test_a_captcha_that_comes_while_the_form_is_filled_is_left_alone_and_nothing_is_pressed(
    context: BrowserContext, sites: SiteServer
) -> None:
    def ask_for_a_person(page: Page) -> None:
        page.evaluate(
            """() => addEventListener('input', () => {
              const box = document.createElement('div');
              box.className = 'h-captcha';
              box.style.cssText = 'width: 300px; height: 80px';
              document.querySelector('form').append(box);
            }, {once: true})"""
        )

    done = send(context, sites, "visit-home", before=ask_for_a_person)
    assert done.failed is not None
    assert done.failed.kind is FailureType.CAPTCHA_DETECTED
    assert "about_to_submit" not in done.watcher.told
    assert done.rows == []


def test_an_idle_or_passed_captcha_and_one_of_another_form_stop_nothing(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    with touring(engine, sites) as visit_of:
        for name in PASS:
            _, idle = reach(visit_of(name), sites, name)
            kind = SITES[name].expect.get("kind")
            assert not kind or kind in idle, name
    assert all(method == "GET" for method, _ in asked_of_vendors(sites))


def test_a_form_with_a_badge_is_sent(engine: EngineBrowser, sites: SiteServer) -> None:
    outcome = run(engine, sites, "captcha-badge")
    assert outcome.ok, explain(outcome)
    assert "idle: reCAPTCHA score badge" in outcome.evidence
    assert len(sites.accepted("captcha-badge")) == 1


def test_a_challenge_that_opens_at_the_click_is_told_and_nothing_arrived(
    engine: EngineBrowser, sites: SiteServer
) -> None:
    outcome = run(engine, sites, "captcha-at-click")
    assert outcome.failure is FailureType.CAPTCHA_DETECTED, explain(outcome)
    assert outcome.submission == "not_sent"
    assert sites.forms_of("captcha-at-click") == []


def test_a_refusal_for_the_score_is_told_as_a_captcha(engine: EngineBrowser, sites: SiteServer) -> None:
    outcome = run(engine, sites, "captcha-score")
    assert outcome.failure is FailureType.CAPTCHA_DETECTED, explain(outcome)
    assert outcome.submission == "rejected"
    assert "score is too low" in outcome.message
    assert len(sites.forms_of("captcha-score")) == 1


def test_no_part_of_the_engine_could_solve_one() -> None:
    """No solver service or library, and nothing writes an answer field or presses inside a vendor's frame."""
    engine_folder = Path(captcha_sites.__file__).parents[1] / "webapp/automation/engine"
    text = "\n".join(path.read_text() for path in engine_folder.glob("*.py"))
    assert not re.search(
        r"2captcha|anticaptcha|capsolver|capmonster|deathbycaptcha|pytesseract|stealth|speech_recognition", text, re.I
    )
    assert "frame_locator" not in text
    requirements = (Path(captcha_sites.__file__).parents[1] / "requirements.txt").read_text()
    assert not re.search(r"captcha|stealth|undetected|tesseract|ocr", requirements, re.I)
