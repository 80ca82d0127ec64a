"""The lead page: what it shows, and what its buttons do, without scripts and as fragments."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_call, make_lead, sign_in
from tests.timeline.conftest import NOON, Place
from webapp.core.db import db as database
from webapp.leads.models import Lead
from webapp.timeline import service
from webapp.timeline.files import clean_filename
from webapp.timeline.models import ContactAttempt, ContactFile, GuardNotice, OutreachSettings
from webapp.timeline.queries.stream import StreamFilter, find_stream
from webapp.timeline.service import Draft


@pytest.fixture
def bob(client: Any, place: Place) -> Any:
    return sign_in(client, place.bob)


def page(client: Any, lead: Lead, query: str = "") -> str:
    answer = client.get(f"/leads/{lead.id}{query}")
    assert answer.status_code == 200
    return str(answer.text)


def log(place: Place, draft: Draft, *, lead: Lead | None = None, by: Any = None) -> ContactAttempt:
    contact = service.log_contact((lead or place.lead).id, draft, by=by or place.alice).contact
    assert contact is not None
    return contact


def post(client: Any, lead: Lead, **fields: Any) -> Any:
    given = {"method": "email", "direction": "outbound", "form_token": "t1"} | fields
    return client.post(f"/leads/{lead.id}/contacts", data=given, content_type="multipart/form-data")


def contacts() -> list[ContactAttempt]:
    database.session.rollback()
    return list(database.session.scalars(sa.select(ContactAttempt).order_by(ContactAttempt.id)))


# --- what it shows ---------------------------------------------------------------------------------------------


def test_the_timeline_stands_first_then_the_guards_word_then_the_composer(bob: Any, place: Place) -> None:
    log(place, Draft("email", subject="Quick question"))
    text = page(bob, place.lead)
    places = [text.index(part) for part in ('id="stream"', 'id="guard-line"', 'id="composer-form"')]
    assert places == sorted(places)
    assert "Alice emailed them just now: Quick question (no reply)" in text


def test_an_empty_timeline_says_so_and_the_lead_is_free(bob: Any, place: Place) -> None:
    text = page(bob, place.lead)
    assert "Nothing has happened yet" in text
    assert "Free to contact by email." in text


def test_every_kind_of_event_stands_in_one_stream_and_can_be_switched(bob: Any, place: Place) -> None:
    log(place, Draft("email", subject="Quick question"))
    make_call(place.lead, "no_answer", agent_id=place.alice.id)
    service.change_follow_up(place.lead.id, NOON.date(), by=place.bob)
    text = page(bob, place.lead)
    kinds = set(re.findall(r'id="(contact|call|status|change)-\d+"', text))
    assert kinds == {"contact", "call", "status", "change"}
    only = page(bob, place.lead, "?kind=call")
    assert set(re.findall(r'id="(contact|call|status|change)-\d+"', only)) == {"call"}


def test_filters_keep_what_fits(place: Place) -> None:
    mail = log(place, Draft("email"))
    reply = log(place, Draft("email", "inbound"))
    text = log(place, Draft("sms"), by=place.bob)
    service.set_responded(text.id, True, by=place.bob)
    call = make_call(place.lead, "no_answer", agent_id=place.bob.id)

    def shown(**given: Any) -> set[str]:
        return {entry.anchor for entry in find_stream(place.lead, StreamFilter(**given))[0]}

    assert shown(method="email") == {f"contact-{mail.id}", f"contact-{reply.id}"}
    assert shown(direction="inbound") == {f"contact-{reply.id}"}
    assert shown(awaiting=True) == {f"contact-{mail.id}"}
    assert shown(method="call") == {f"call-{call.id}"}
    assert {f"contact-{text.id}", f"call-{call.id}"} <= shown(rep=place.bob.id)


def test_three_thousand_entries_are_read_page_by_page_without_a_gap_or_a_double(place: Place) -> None:
    database.session.execute(
        sa.text("INSERT INTO contact_attempts (company_id, lead_id, method, direction, occurred_at) SELECT :c, :l, 'email', 'outbound',"
                " now() - make_interval(mins => i / 3) FROM generate_series(1, 3000) i"), {"c": place.company.id, "l": place.lead.id},
    )  # fmt: skip
    seen: list[int] = []
    older: str | None = None
    for _ in range(200):
        entries, older = find_stream(place.lead, older_than=older)
        seen += [entry.id for entry in entries if entry.kind == "contact"]
        if older is None:
            break
    assert len(seen) == len(set(seen)) == 3000


def test_an_address_that_names_an_entry_reaches_it(place: Place) -> None:
    first = log(place, Draft("email", occurred_at=NOON - timedelta(days=400)))
    for day in range(40):
        log(place, Draft("email", occurred_at=NOON - timedelta(days=300 - day)))
    assert f"contact-{first.id}" not in {entry.anchor for entry in find_stream(place.lead)[0]}
    assert f"contact-{first.id}" in {entry.anchor for entry in find_stream(place.lead, reach=f"contact-{first.id}")[0]}


def test_what_people_type_is_shown_as_text(bob: Any, place: Place) -> None:
    log(place, Draft("email", subject="<script>alert(1)</script>", body="{{ 7*7 }} \u202e <b>x</b>"))
    text = page(bob, place.lead)
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "{{ 7*7 }}" in text


# --- logging -----------------------------------------------------------------------------------------------------


def test_a_plain_form_logs_and_comes_back_to_the_entry(bob: Any, place: Place) -> None:
    answer = post(bob, place.lead, subject="Hello", body="Line one\nLine two", follow_up_on="2026-12-01")
    [made] = contacts()
    assert (answer.status_code, answer.location) == (
        303,
        f"/leads/{place.lead.id}?entry=contact-{made.id}#contact-{made.id}",
    )
    assert (made.user_id, made.subject, made.body) == (place.bob.id, "Hello", "Line one\r\nLine two".replace("\r", ""))
    database.session.refresh(place.lead)
    assert str(place.lead.follow_up_on) == "2026-12-01"


def test_htmx_gets_the_empty_composer_and_the_new_entry(bob: Any, place: Place) -> None:
    answer = bob.htmx(f"/leads/{place.lead.id}/contacts", method="POST", data={"method": "email", "direction": "outbound", "subject": "Hi"})  # fmt: skip
    assert answer.status_code == 200
    assert 'hx-swap-oob="outerHTML"' in answer.text
    assert "Contacted" in answer.text
    assert "Last contact just now by email, 1 in all" in answer.text
    assert f'id="contact-{contacts()[0].id}"' in answer.text
    assert 'value="Hi"' not in answer.text


def test_a_double_click_is_one_contact(bob: Any, place: Place) -> None:
    assert [post(bob, place.lead, form_token="same").status_code for _ in range(2)] == [303, 303]
    assert len(contacts()) == 1


def test_a_time_typed_is_of_the_viewers_zone(bob: Any, place: Place, set_clock: Any) -> None:
    set_clock(NOON)
    post(bob, place.lead, occurred_at="2026-06-09T09:30")  # New York
    assert contacts()[0].occurred_at == NOON.replace(day=9, hour=13, minute=30)


def test_s1_s2_a_warning_keeps_the_words_and_an_override_needs_its_reason(
    bob: Any, place: Place, set_clock: Any
) -> None:
    set_clock(NOON - timedelta(days=2))
    log(place, Draft("email", subject="Quick question", body="I noticed you're using our competitor's tool."))
    set_clock(NOON)
    warned = post(bob, place.lead, body="I noticed you're using our competitor's tool.", subject="Mine")
    assert warned.status_code == 409
    assert 'value="Mine"' in warned.text
    assert "Alice emailed them" in warned.text
    assert re.search(r"\d+ % of your text is the same as Alice", warned.text)
    token = re.search(r'name="override" value="([^"]+)"', warned.text)
    assert token
    again = post(bob, place.lead, override=token[1], reason="")
    assert again.status_code == 422
    assert "Say why you contact them anyway." in again.text
    assert f'name="override" value="{token[1]}"' in again.text
    assert post(bob, place.lead, override=token[1], reason="asked by phone").status_code == 303
    assert [row.user_id for row in contacts()] == [place.alice.id, place.bob.id]


def test_leaving_them_alone_keeps_the_warning_as_heeded(bob: Any, place: Place, set_clock: Any) -> None:
    set_clock(NOON - timedelta(days=2))
    log(place, Draft("email"))
    set_clock(NOON)
    post(bob, place.lead)
    notice = database.session.scalars(sa.select(GuardNotice)).one()
    assert bob.post(f"/notices/{notice.id}/stop").status_code == 303
    database.session.refresh(notice)
    assert notice.state == "stopped"


def test_a_capped_lead_says_when_it_is_free_and_still_takes_what_happened(
    bob: Any, place: Place, set_clock: Any
) -> None:
    set_clock(NOON)
    log(place, Draft("email", subject="First"))
    refused = post(bob, place.lead, subject="Second", form_token="a")
    assert refused.status_code == 429
    assert "Free from Thu 11 Jun 2026, 12:00 EDT" in refused.text
    assert 'value="Second"' in refused.text
    assert post(bob, place.lead, late="1", form_token="b").status_code == 422
    assert post(bob, place.lead, late="1", occurred_at="2026-06-10T09:00", form_token="c").status_code == 303
    assert [row.over_cap for row in contacts()] == [False, True]


def test_a_closed_lead_names_its_block(bob: Any, place: Place) -> None:
    closed = make_lead(place.list, status="dnc")
    text = page(bob, closed)
    assert "This lead is on Do Not Call." in text
    assert 'id="composer-submit"' in text
    assert post(bob, closed).status_code == 403


def test_the_guards_word_follows_the_method(bob: Any, place: Place) -> None:
    log(place, Draft("email"))
    closed = bob.htmx(f"/leads/{place.lead.id}/guard?method=email")
    assert "Free from" in closed.text
    free = bob.htmx(f"/leads/{place.lead.id}/guard?method=sms")
    assert "Free to contact by sms." in free.text
    assert "Alice emailed them" in free.text
    assert 'id="composer-actions"' in free.text


def test_quiet_hours_are_said_before_and_the_contact_is_planned(bob: Any, place: Place, set_clock: Any) -> None:
    database.session.add(OutreachSettings(company_id=place.company.id, quiet_for_people=True))
    set_clock(NOON + timedelta(hours=11))
    assert "this will be planned for Thu 11 Jun 2026, 08:00 EDT" in page(bob, place.lead)
    post(bob, place.lead, subject="Tomorrow")
    text = page(bob, place.lead)
    assert "Email planned for Thu 11 Jun 2026, 08:00 EDT" in text
    set_clock(NOON + timedelta(hours=20))
    [planned] = contacts()
    assert bob.post(f"/contacts/{planned.id}/made").status_code == 303
    assert contacts()[0].state == "sent"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"method": "pigeon"}, "Not a valid choice"),
        ({"occurred_at": "yesterday"}, "Choose a day and a time."),
        ({"occurred_at": "2099-01-01T10:00"}, "This lies in the future"),
        ({"subject": "x" * 501}, "longer than 500"),
        ({"responded": "1", "direction": "inbound"}, "Only a contact of ours can be answered."),
        ({"follow_up_on": "1999-01-01"}, "Choose a day of this century."),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(
    bob: Any, place: Place, fields: dict[str, str], words: str
) -> None:
    answer = post(bob, place.lead, body="kept", **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert "kept" in answer.text
    assert contacts() == []


# --- afterwards --------------------------------------------------------------------------------------------------


def test_the_buttons_of_an_entry_do_what_they_say(bob: Any, place: Place) -> None:
    mine = log(place, Draft("email", subject="Helo"), by=place.bob)
    bob.post(f"/contacts/{mine.id}/response", data={"responded": "1"})
    assert contacts()[0].responded
    bob.post(f"/contacts/{mine.id}/response", data={"responded": "0"})
    bob.post(f"/contacts/{mine.id}/text", data={"subject": "Hello", "body": "", "version": "3"})
    assert (contacts()[0].responded, contacts()[0].subject) == (False, "Hello")
    text = page(bob, place.lead)
    assert "changed</a>" in text
    assert "Helo" in bob.get(f"/contacts/{mine.id}/text").text
    bob.post(f"/contacts/{mine.id}/mistake", data={"reason": "wrong lead", "version": "4"})
    assert "Logged by mistake" in page(bob, place.lead)
    bob.post(f"/contacts/{mine.id}/restore")
    assert contacts()[0].hidden_at is None


def test_a_correction_shows_what_stood_and_asks_why(bob: Any, place: Place, set_clock: Any) -> None:
    set_clock(NOON + timedelta(seconds=30))
    mine = log(place, Draft("email"), by=place.bob)
    path = f"/contacts/{mine.id}/correction"
    assert 'value="2026-06-10T12:00"' in bob.get(path).text
    given = {"method": "sms", "direction": "outbound", "occurred_at": "2026-06-10T12:00", "version": "1"}
    assert bob.post(path, data=given).status_code == 422
    assert bob.post(path, data=given | {"reason": "typed wrong"}).status_code == 303
    [now] = contacts()
    assert (now.method, now.occurred_at) == ("sms", NOON + timedelta(seconds=30))
    assert bob.post(path, data=given | {"reason": "again"}).status_code == 409


def test_somebody_elses_text_is_not_mine_to_change(bob: Any, place: Place) -> None:
    theirs = log(place, Draft("email", subject="Mine"))
    answer = bob.post(f"/contacts/{theirs.id}/text", data={"subject": "Yours", "body": "", "version": "1"})
    assert answer.status_code == 422
    assert "Only its author or a manager" in answer.text


def test_the_follow_up_day_is_set_and_cleared(bob: Any, place: Place) -> None:
    bob.post(f"/leads/{place.lead.id}/follow-up", data={"follow_up_on": "2026-12-24"})
    assert "24 Dec 2026" in page(bob, place.lead)
    bob.post(f"/leads/{place.lead.id}/follow-up", data={"follow_up_on": ""})
    assert "Choose a day" in page(bob, place.lead)


def test_a_merged_away_leads_address_leads_to_where_it_lives_on(bob: Any, place: Place) -> None:
    import uuid

    from webapp.timeline.models import LeadAlias, LeadMerge

    merge = LeadMerge(company_id=place.company.id, survivor_id=place.lead.id, gone_id=987_655, batch_id=uuid.uuid4(), fingerprint="",
                      gone={}, kept_before={}, kept_after={}, moved={})  # fmt: skip
    database.session.add(merge)
    database.session.flush()
    database.session.add(
        LeadAlias(gone_id=987_655, company_id=place.company.id, lead_id=place.lead.id, merge_id=merge.id)
    )
    database.session.commit()
    answer = bob.get("/leads/987655")
    assert (answer.status_code, answer.location) == (301, f"/leads/{place.lead.id}")


# --- attachments -------------------------------------------------------------------------------------------------


def test_an_attachment_is_kept_and_given_back_as_a_download_only(bob: Any, place: Place) -> None:
    post(bob, place.lead, files=[(BytesIO(b"<script>x</script>"), "../../offer \u202e2026.html")])
    row = database.session.scalars(sa.select(ContactFile)).one()
    assert (row.filename, row.size) == ("offer 2026.html", 18)
    answer = bob.get(f"/contacts/files/{row.id}")
    assert answer.data == b"<script>x</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.mimetype == "application/octet-stream"


def test_too_large_too_many_and_empty_files_are_refused_and_leave_nothing(bob: Any, place: Place, app: Any) -> None:
    from webapp.core.storage import get_storage

    with app.app_context():
        before = len(list(get_storage().keys()))
    big = post(bob, place.lead, files=[(BytesIO(b"ok"), "a.txt"), (BytesIO(b"x" * (10 * 1024 * 1024 + 1)), "big.bin")])
    assert (big.status_code, "big.bin is larger than 10 MB." in big.text) == (422, True)
    many = post(bob, place.lead, files=[(BytesIO(b"x"), f"{n}.txt") for n in range(6)])
    assert (many.status_code, "At most 5 attachments" in many.text) == (422, True)
    empty = post(bob, place.lead, files=[(BytesIO(b""), "empty.txt")])
    assert (empty.status_code, "empty.txt is empty." in empty.text) == (422, True)
    assert contacts() == []
    with app.app_context():
        assert len(list(get_storage().keys())) == before


def test_files_can_be_added_later(bob: Any, place: Place) -> None:
    mine = log(place, Draft("email"), by=place.bob)
    given = {"files": [(BytesIO(b"x"), "later.txt")], "version": "1"}
    assert bob.post(f"/contacts/{mine.id}/files", data=given, content_type="multipart/form-data").status_code == 303
    assert "later.txt" in page(bob, place.lead)


@pytest.mark.parametrize(
    ("given", "clean"),
    [("a.pdf", "a.pdf"), ("C:\\x\\y.doc", "y.doc"), ("..", "attachment"), (None, "attachment"), ("a\x00b.txt", "a b.txt"),
     ("x" * 300 + ".pdf", "x" * 116 + ".pdf"), ('"<evil>".svg', "evil .svg")],
)  # fmt: skip
def test_file_names_are_cleaned(given: str | None, clean: str) -> None:
    assert clean_filename(given) == clean
