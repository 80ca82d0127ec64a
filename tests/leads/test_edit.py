"""A lead is made, edited by two people at once, and remembers it."""

import pytest
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.core.audit import StatusChange
from webapp.leads import service
from webapp.leads.models import Lead, LeadChange


def _facts(lead: Lead, **changes) -> dict[str, object]:
    names = ("first_name", "last_name", "business", "title", "phone", "extension", "email", "website", "linkedin_url", "city",
             "state", "postal_code", "country", "zone", "source")  # fmt: skip
    facts = {name: getattr(lead, name) or "" for name in names}
    return (
        facts
        | {
            "tags": ", ".join(lead.tags),
            "owner_id": lead.owner_id or "",
            "list_id": lead.list_id,
            "version": lead.version,
        }
        | changes
    )


def test_a_new_lead_has_a_ledger_row_and_an_anchor_but_no_status_change_yet(db: SQLAlchemy):
    user = make_user()
    lead = service.create_lead(make_list(user.company).id, {"first_name": "Ana", "tags": ["vip"]}, by=user)
    assert (lead.status, lead.anchor_status, lead.last_status_change, lead.anchor_at) == ("new", "new", None, None)
    row = db.session.query(StatusChange).one()
    assert (row.old_status, row.new_status, row.cause, row.user_id) == (None, "new", "user", user.id)


def test_two_fast_clicks_make_one_lead(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    sign_in(client, user)
    data = {"first_name": "Ana", "list_id": lead_list.id, "status": "new", "form_token": "once"}
    first, second = client.post("/leads/new", data=data), client.post("/leads/new", data=data)
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert db.session.query(Lead).count() == 1


def test_a_typed_phone_is_kept_as_e164_and_gives_the_zone(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    sign_in(client, user)
    data = {
        "business": "Acme",
        "phone": "(212) 555-0123",
        "list_id": lead_list.id,
        "status": "new",
        "postal_code": "60601",
        "tags": "vip, VIP; hot",
    }
    assert client.post("/leads/new", data=data).status_code == 303
    lead = db.session.query(Lead).one()
    assert (lead.phone, lead.zone, lead.tags) == ("+12125550123", "America/Chicago", ["vip", "hot"])


@pytest.mark.parametrize(
    ("before", "facts", "zone"),
    [
        (None, {"phone": "+12125550123"}, "America/New_York"),
        (None, {"postal_code": "60601"}, "America/Chicago"),
        (None, {"first_name": "Bea"}, None),
        ("America/Denver", {"phone": "+12125550123"}, "America/Denver"),
        ("America/Denver", {"phone": "+12125550123", "zone": None}, "America/New_York"),
        (None, {"phone": "+12125550123", "zone": "America/Denver"}, "America/Denver"),
    ],
)
def test_whoever_edits_a_lead_without_a_zone_gives_it_that_of_its_new_place(
    db: SQLAlchemy, before: str | None, facts: dict[str, object], zone: str | None
):
    user = make_user()
    lead = make_lead(make_list(user.company), phone="+18005550123", zone=before)
    lead = service.update_lead(lead.id, facts, version=None, by=user)
    assert lead.zone == zone
    if zone != before:
        assert db.session.query(LeadChange).one().after["zone"] == zone


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"phone": "12"}, "cannot be a phone number"), ({"email": "nobody"}, "email"), ({"zone": "Mars/Base"}, "no such time zone"),
     ({"owner_id": "99999"}, "owner"), ({"list_id": "99999"}, "List"), ({"first_name": ""}, "something to know the lead by")],
)  # fmt: skip
def test_a_wrong_field_is_named_and_the_rest_is_kept(client, db: SQLAlchemy, wrong: dict[str, str], said: str):
    user = make_user()
    lead_list = make_list(user.company)
    sign_in(client, user)
    data = {"first_name": "Ana", "city": "Kept City", "list_id": lead_list.id, "status": "new"} | wrong
    page = client.post("/leads/new", data=data)
    assert page.status_code == 422
    assert said in page.text
    assert 'value="Kept City"' in page.text
    assert "<title>Error:" in page.text
    part = client.htmx("/leads/new", method="POST", data=data)
    assert part.status_code == 422
    assert "error-summary" in part.text
    assert db.session.query(Lead).count() == 0


def test_an_edit_is_written_down_with_both_values(client, db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company), city="Austin")
    sign_in(client, user)
    assert (
        client.post(
            f"/leads/{lead.id}/edit", data=_facts(lead, city="Chicago", tags="vip", zone="America/Chicago")
        ).status_code
        == 303
    )
    change = db.session.query(LeadChange).one()
    assert change.before == {"city": "Austin", "tags": [], "zone": None}
    assert change.after == {"city": "Chicago", "tags": ["vip"], "zone": "America/Chicago"}
    assert lead.version == 2
    page = client.get(f"/leads/{lead.id}").text
    assert f'id="change-{change.id}"' in page


def test_an_edit_over_a_newer_one_shows_both_values_and_two_ways_out(client, db: SQLAlchemy):
    user = make_user(name="Ana Ruiz")
    lead = make_lead(make_list(user.company), city="Austin", zone="America/Chicago")
    mine = _facts(lead, city="Mine")
    service.update_lead(lead.id, {"city": "Theirs"}, version=1, by=user)
    sign_in(client, user)
    page = client.post(f"/leads/{lead.id}/edit", data=mine)
    assert page.status_code == 409
    for word in ("Ana Ruiz", "Theirs", "Mine", "Keep mine", "Take theirs"):
        assert word in page.text
    part = client.htmx(f"/leads/{lead.id}/edit", method="POST", data=mine)
    assert part.status_code == 409
    assert "<html" not in part.text
    assert client.post(f"/leads/{lead.id}/edit", data=mine | {"version": 2}).status_code == 303
    db.session.refresh(lead)
    assert lead.city == "Mine"


def test_the_history_is_one_stream_that_loads_older_entries_and_reaches_any_of_them(client, db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company))
    calls = [make_call(lead) for _ in range(45)]
    service.set_status(lead.id, "busy", by=user)
    service.update_lead(lead.id, {"city": "Chicago"}, version=None, by=user)
    sign_in(client, user)
    first = client.get(f"/leads/{lead.id}").text
    assert first.index('id="change-') < first.index('id="status-') < first.index(f'id="call-{calls[-1].id}"')
    assert f'id="call-{calls[0].id}"' not in first
    older = first.split("?older=")[1].split('"')[0]
    part = client.htmx(f"/leads/{lead.id}?older={older}").text
    assert f'id="call-{calls[0].id}"' in part
    assert f'id="call-{calls[-1].id}"' not in part
    assert f'id="call-{calls[0].id}"' in client.get(f"/leads/{lead.id}?entry=call-{calls[0].id}").text
    for junk in (
        "older=x",
        "older=call-999999999999",
        "entry=zzz",
        "entry=status-1",
        "older=call-99999999999999999999",
    ):
        assert client.get(f"/leads/{lead.id}?{junk}").status_code == 200


def test_previous_and_next_walk_the_list_one_came_from(client, db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    leads = [make_lead(lead_list, status="busy" if n != 1 else "new") for n in range(4)]
    sign_in(client, user)
    page = client.get(f"/leads/{leads[2].id}?from=status%3Dbusy%26sort%3Dnewest&n=2").text
    assert "2 of 3" in page
    assert f"/leads/{leads[0].id}?from=" in page
    assert f"/leads/{leads[3].id}?from=" in page
    assert f"/leads/{leads[1].id}?" not in page
    assert f"#lead-{leads[2].id}" in page


def test_another_companys_lead_and_an_unknown_one_are_the_same_404(client, db: SQLAlchemy):
    sign_in(client, make_user())
    lead = make_lead(make_list(make_company()))
    for path in ("", "/edit", "/status"):
        there, nowhere = client.get(f"/leads/{lead.id}{path}"), client.get(f"/leads/99999999{path}")
        assert there.status_code == nowhere.status_code == 404
    for path in ("/edit", "/status"):
        assert client.post(f"/leads/{lead.id}{path}", data={"status": "sale"}).status_code == 404
    assert client.get("/leads/99999999999999999999999").status_code == 404
    assert client.get(f"/lists/{lead.list_id}").status_code == 404
    assert client.get(f"/lists/{lead.list_id}/imports").status_code == 404
    for path in ("edit", "archive", "restore", "delete"):
        assert client.post(f"/lists/{lead.list_id}/{path}", data={"name": "Mine"}).status_code == 404
    assert lead.status == "new"
