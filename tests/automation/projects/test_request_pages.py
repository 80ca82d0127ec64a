"""The pages of a project's contact request: previewed, refused, versioned, and written by two at once."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from tests.automation.projects.page_support import UGLY, Place, form_of, text_of
from tests.factories import make_contact_request, make_run
from webapp.automation.models import ContactRequest
from webapp.core.db import db as database

WORDS = {
    "first_name": "Ana",
    "last_name": "Ruiz",
    "email": "ana@example.com",
    "message": "Is it there?",
    "country": "US",
    "preferred_contact": "",
}


def test_the_message_is_previewed_before_it_is_saved_and_kept_as_it_was_typed(place: Place) -> None:
    path = f"/projects/{place.project.id}/request"
    sent = (
        form_of(place.client, path, "request-form")
        | WORDS
        | {"message": UGLY + "\r\n\r\nSecond line", "phone": "(614) 555-0142"}
    )
    sent["message"] = sent["message"].replace("{{ 7*7 }}", "")
    shown = place.client.post(path, data=sent | {"preview": "1"})
    assert "Not saved yet" in shown.text
    assert "(614)" not in text_of(shown).partition("What a dealership gets")[2] or "+16145550142" in shown.text
    assert database.session.scalar(sa.select(sa.func.count()).select_from(ContactRequest)) == 0
    assert place.client.post(path, data=sent).status_code == 303
    row = database.session.scalars(sa.select(ContactRequest)).one()
    assert row.message == sent["message"].replace("\r\n", "\n")
    assert (row.phone, sorted(row.consents)) == ("+16145550142", ["contact", "terms"])
    assert "<b>" not in place.client.get(path).text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"email": "nobody"}, "@"), ({"phone": "12"}, "cannot be a phone number"), ({"message": ""}, "Write the message"),
        ({"message": "Dear {dealer}"}, "{dealer} would be sent as it stands"), ({"subject": "Hi {{ name }}"}, "as it stands"),
        ({"message": "Dear [Dealer Name],"}, "as it stands"), ({"message": "x" * 5001}, "At most 5,000"), ({"message": "a\x00b"}, "control characters"),
        ({"vin": "123"}, "17 letters"), ({"vehicle_year": "24"}, "four digits"), ({"state": "Ohioo"}, "two letters"),
        ({"postal_code": "432"}, ""), ({"postal_code": "ABC"}, "five digits"), ({"preferred_contact": "sms", "phone": "(614) 555-0142"}, "agree to them"),
        ({"preferred_contact": "phone"}, "give the phone"), ({"country": "XX"}, "valid choice"),
    ],
)  # fmt: skip
def test_what_no_dealership_should_get_is_refused(place: Place, change: dict[str, str], why: str) -> None:
    answer = place.client.post(f"/projects/{place.project.id}/request", data=WORDS | change)
    assert answer.status_code == (303 if not why else 422)
    assert why in unescape(answer.text)


def test_saving_after_use_makes_a_new_version_and_the_old_one_stays_readable(place: Place) -> None:
    first = make_contact_request(place.project, created_by_id=place.manager.id)
    make_run(place.project, first)
    path = f"/projects/{place.project.id}/request"
    assert "What you save becomes version 2" in text_of(place.client.get(path))
    place.client.post(path, data=form_of(place.client, path, "request-form") | {"message": "New words"})
    text = text_of(place.client.get(path))
    assert "Version 2 what the next run sends" in text
    old = text_of(place.client.get(f"{path}/{first.id}"))
    assert "Hello, is the blue one still there?" in old
    assert "By Mia" in old


def test_two_who_write_at_once_see_both_messages(place: Place) -> None:
    path = f"/projects/{place.project.id}/request"
    make_contact_request(place.project)
    mine = form_of(place.client, path, "request-form") | {"message": "Mine"}
    place.client.post(path, data=form_of(place.client, path, "request-form") | {"message": "Theirs"})
    answer = place.client.post(path, data=mine)
    assert answer.status_code == 409
    assert "Message Theirs Mine" in text_of(answer)
    kept = re.search(r'id="request-conflict".*?</form>', answer.text, re.S)
    assert kept
    sent = {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', kept[0])
    }
    assert place.client.post(path, data=sent).status_code == 303
    assert database.session.scalars(sa.select(ContactRequest.message)).all() == ["Mine"]
