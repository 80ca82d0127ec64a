"""Who else is here, and what they did: the lead page's poll."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_lead, make_list, make_user, sign_in
from tests.timeline.conftest import NOON, Place
from webapp.core.db import db as database
from webapp.timeline.models import LeadViewer, OutreachSettings
from webapp.timeline.presence import forget_viewers
from webapp.timeline.queries.live import find_mark
from webapp.timeline.service import Draft, hide, log_contact


@pytest.fixture
def poll(app: Any, place: Place) -> Any:
    """poll(user, **query): the answer to one poll of the lead's page by this user."""
    clients: dict[int, Any] = {}
    mark = find_mark(place.lead.id)

    def get(user: Any, **query: Any) -> Any:
        if user.id not in clients:
            clients[user.id] = sign_in(app.test_client(), user)
        given = {"contact": mark.contact, "call": mark.call} | query
        return clients[user.id].htmx(f"/leads/{place.lead.id}/live", query_string=given)

    return get


def test_others_on_the_page_are_named_and_oneself_is_not(poll: Any, place: Place) -> None:
    assert "Alice" not in poll(place.alice).text
    seen = poll(place.bob)
    assert "Alice" in seen.text
    assert "is looking at this lead" in seen.text


def test_writing_shows_the_method_while_the_draft_has_words(poll: Any, place: Place) -> None:
    poll(place.alice, writing="1", method="email")
    assert "is writing (email)" in poll(place.bob).text
    poll(place.alice)
    assert "is writing" not in poll(place.bob).text


def test_a_sign_is_gone_30_seconds_after_the_last(poll: Any, place: Place, set_clock: Any) -> None:
    set_clock(NOON)
    poll(place.alice)
    set_clock(NOON + timedelta(seconds=29))
    assert "Alice" in poll(place.bob).text
    set_clock(NOON + timedelta(seconds=30))
    assert "Alice" not in poll(place.bob).text


def test_nothing_new_is_204_and_moves_nothing(poll: Any, place: Place) -> None:
    first = poll(place.bob)
    seen = first.text.split("seen=")[1].split("&")[0]
    again = poll(place.bob, seen=seen)
    assert (again.status_code, again.text) == (204, "")


def test_a_contact_by_someone_else_is_news_and_asks_the_composer_to_look_again(poll: Any, place: Place) -> None:
    poll(place.bob)
    contact = log_contact(place.lead.id, Draft("email", subject="Quick <question>"), by=place.alice).contact
    assert contact is not None
    news = poll(place.bob)
    assert "just emailed them" in news.text
    assert "Quick &lt;question&gt;" in news.text
    assert news.headers["HX-Trigger-After-Swap"] == "guard-changed"
    told = poll(place.bob, told=f"contact-{contact.id}")
    assert "HX-Trigger-After-Swap" not in told.headers
    assert "just emailed" not in poll(place.alice).text


def test_a_dialers_call_is_news_and_what_was_hidden_is_not(poll: Any, place: Place) -> None:
    contact = log_contact(place.lead.id, Draft("sms"), by=place.alice).contact
    assert contact is not None
    hide(contact.id, by=place.alice, reason="wrong lead")
    make_call(place.lead, "no_answer", agent_id=place.alice.id)
    text = poll(place.bob).text
    assert "just called them" in text
    assert "just texted" not in text


def test_what_happened_before_the_page_was_made_is_no_news(poll: Any, place: Place) -> None:
    log_contact(place.lead.id, Draft("email"), by=place.alice)
    mark = find_mark(place.lead.id)
    assert "just emailed" not in poll(place.bob, contact=mark.contact).text


def test_another_company_gets_404_and_leaves_no_sign(poll: Any, place: Place) -> None:
    assert poll(make_user()).status_code == 404
    assert database.session.scalar(sa.select(sa.func.count()).select_from(LeadViewer)) == 0


def test_a_company_that_wants_no_presence_keeps_no_signs(poll: Any, place: Place) -> None:
    database.session.add(OutreachSettings(company_id=place.company.id, show_presence=False))
    database.session.commit()
    poll(place.alice)
    assert "Alice" not in poll(place.bob).text
    assert database.session.scalar(sa.select(sa.func.count()).select_from(LeadViewer)) == 0


def test_a_sign_is_written_again_only_when_it_grows_stale(poll: Any, place: Place, set_clock: Any) -> None:
    def stamp() -> Any:
        database.session.rollback()
        return database.session.scalar(sa.select(LeadViewer.seen_at))

    set_clock(NOON)
    poll(place.alice)
    set_clock(NOON + timedelta(seconds=8))
    poll(place.alice)
    assert stamp() == NOON
    set_clock(NOON + timedelta(seconds=9))
    poll(place.alice)
    assert stamp() == NOON + timedelta(seconds=9)


def test_signs_of_yesterday_are_forgotten(place: Place, set_clock: Any) -> None:
    set_clock(NOON)
    database.session.add(LeadViewer(lead_id=place.lead.id, user_id=place.bob.id, company_id=place.company.id))
    database.session.commit()
    assert forget_viewers() == 0
    set_clock(NOON + timedelta(days=1, seconds=1))
    assert forget_viewers() == 1


def test_a_lead_of_another_list_has_its_own_viewers(poll: Any, place: Place) -> None:
    other = make_lead(make_list(place.company))
    database.session.add(LeadViewer(lead_id=other.id, user_id=place.alice.id, company_id=place.company.id))
    database.session.commit()
    assert "Alice" not in poll(place.bob).text
