"""Two people on one lead in two browsers, and a contact logged by the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in
from tests.factories import make_company, make_lead, make_list, make_user
from tests.timeline.conftest import Place
from webapp.core.db import db as database
from webapp.timeline.models import ContactAttempt


def open_lead(new_page: Callable[..., Page], user: Any, lead: Any, **options: Any) -> Page:
    page = new_page(**options)
    sign_in(page, user.email)
    page.goto(f"/leads/{lead.id}")
    return page


def test_bob_sees_within_seconds_that_alice_was_faster_and_keeps_his_words(new_page: Any, place: Place) -> None:
    """S5: the banner by itself, the draft kept, the composer closed; Carol of another company sees nothing."""
    carol = make_user(make_company("Southside"), name="Carol")
    theirs = make_lead(make_list(carol.company), email="lead@example.com")
    bob = open_lead(new_page, place.bob, place.lead)
    alice = open_lead(new_page, place.alice, place.lead)
    stranger = open_lead(new_page, carol, theirs)
    bob.fill("#body", "Hello John, shall we talk on Tuesday?")
    expect(alice.locator("#lead-live")).to_contain_text("Bob is writing (email)")
    expect(bob.locator("#composer-submit")).to_have_text("Log contact")
    alice.fill("#subject", "Quick question")
    alice.keyboard.press("Tab")
    alice.keyboard.type("Hi John")
    alice.keyboard.press("Control+Enter")
    expect(alice.locator(".entry-new")).to_contain_text("Quick question")
    expect(bob.locator("#lead-live")).to_contain_text("Alice just emailed them: Quick question", timeout=3_000)
    expect(bob.locator("#composer-actions")).to_contain_text("Free from")
    expect(bob.locator("#guard-line")).to_contain_text("The limit for email is reached")
    expect(bob.locator("#body")).to_have_value("Hello John, shall we talk on Tuesday?")
    expect(bob.locator("#body")).to_be_focused()
    expect(alice.locator("#lead-live")).not_to_contain_text("just emailed")
    expect(stranger.locator("#lead-live")).not_to_contain_text("Alice")
    bob.select_option("#method", "sms")
    expect(bob.locator("#guard-line")).to_contain_text("Free to contact by sms.")
    expect(bob.locator("#composer-submit")).to_have_text("Log contact")
    answer = stranger.request.get(f"/leads/{place.lead.id}")
    assert answer.status == 404


def test_a_warning_is_overridden_or_heeded_where_it_stands(new_page: Any, place: Place) -> None:
    from datetime import timedelta

    import sqlalchemy as sa

    from webapp.timeline.service import Draft, log_contact

    now = database.session.scalar(sa.func.rebound_now())
    log_contact(
        place.lead.id, Draft("email", subject="Quick question", occurred_at=now - timedelta(days=2)), by=place.alice
    )
    bob = open_lead(new_page, place.bob, place.lead, viewport={"width": 390, "height": 844})
    assert bob.evaluate("document.documentElement.scrollWidth") <= 390
    bob.fill("#subject", "Mine")
    bob.click("#composer-submit")
    expect(bob.locator("#override-reason")).to_be_focused()
    expect(bob.locator("#subject")).to_have_value("Mine")
    expect(bob.locator("#guard-line")).to_contain_text(re.compile("Alice emailed them 2 d ago: Quick question"))
    bob.keyboard.type("They asked for it")
    bob.click("#composer-override")
    expect(bob.locator(".entry-new")).to_contain_text("Mine")
    database.session.rollback()
    assert database.session.scalar(sa.select(sa.func.count(ContactAttempt.id))) == 2
