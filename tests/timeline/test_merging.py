"""Duplicate leads: found, merged with everything kept, and taken apart again exactly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.keys import Api, make_key
from tests.factories import make_call, make_campaign, make_company, make_lead, make_list, make_user, sign_in
from tests.faults.support import at_once
from tests.recycling.test_conservation import WRONG
from tests.timeline.conftest import NOON, Place
from webapp.accounts.models import User
from webapp.core.db import db as database
from webapp.dialer.models import Callback, CallLog, HopperEntry
from webapp.leads.models import Lead, LeadSearch
from webapp.leads.service import set_status, update_lead
from webapp.leads.tallies import by_status, get_cells
from webapp.timeline import service
from webapp.timeline.merging import MergeRefused, StaleMerge, fingerprint, merge
from webapp.timeline.models import ContactAttempt, DncEntry, LeadAlias, LeadMerge
from webapp.timeline.queries.duplicates import find_groups, find_twins
from webapp.timeline.queries.stream import find_stream
from webapp.timeline.service import Draft
from webapp.timeline.unmerging import undo
from webapp.timeline.verdicts import set_apart, take_back_apart

TABLES = ("contact_attempts", "call_logs", "callbacks", "lead_changes", "guard_notices", "dnc_entries", "lead_aliases")


def do_merge(place: Place, survivor: Lead, *gone: Lead, picks: dict[str, int] | None = None) -> LeadMerge:
    ids = [survivor.id, *(lead.id for lead in gone)]
    database.session.commit()
    return merge(survivor.id, ids[1:], picks or {}, fingerprint(place.company.id, ids), by=place.boss)[-1]


def loose(user: Any) -> User:
    """The same person, in no session: for threads."""
    return User(id=user.id, company_id=user.company_id, name=user.name, role=user.role)


def snapshot(company_id: int, *, without: tuple[str, ...] = ("version",)) -> dict[str, Any]:
    """Every lead and everything that hangs on one, but for versions and edits' own rows."""
    database.session.rollback()
    rows = database.session.scalars(
        sa.text("SELECT to_jsonb(l) FROM leads l WHERE company_id = :c ORDER BY id"), {"c": company_id}
    )
    found: dict[str, Any] = {"leads": [{k: v for k, v in row.items() if k not in without} for row in rows]}
    for table in TABLES:
        if table != "lead_changes":
            found[table] = database.session.scalars(
                sa.text(f"SELECT to_jsonb(t) FROM {table} t WHERE company_id = :c ORDER BY 1"), {"c": company_id}
            ).all()
    found["search"] = database.session.execute(
        sa.select(LeadSearch.lead_id, LeadSearch.phone, LeadSearch.email)
        .where(LeadSearch.company_id == company_id)
        .order_by(LeadSearch.lead_id)
    ).all()
    found["tallies"] = by_status(get_cells(company_id))
    return found


def check_books(company_id: int) -> None:
    database.session.rollback()
    real = dict(
        database.session.execute(
            sa.select(Lead.status, sa.func.count()).where(Lead.company_id == company_id).group_by(Lead.status)
        ).all()
    )
    assert {k: v for k, v in by_status(get_cells(company_id)).items() if v} == real
    assert database.session.execute(sa.text(WRONG), {"c": company_id}).all() == []


@pytest.fixture
def pair(place: Place, set_clock: Any) -> tuple[Lead, Lead]:
    """S7: A has three emails, the last five hours ago, and asked for no SMS; B has two calls."""
    set_clock(NOON)
    a = make_lead(
        place.list, first_name="Ann", phone="+12125550711", email="ann@example.com", tags=["vip"], custom={"k": "a"}
    )
    b = make_lead(
        place.list,
        first_name="",
        last_name="Lee",
        phone="+12125550711",
        email=None,
        tags=["it"],
        custom={"k": "b", "m": 1},
        owner_id=place.bob.id,
    )
    for hours in (100, 50, 5):
        service.log_contact(
            a.id, Draft("email", subject=f"{hours} h", occurred_at=NOON - timedelta(hours=hours)), by=place.alice
        )
    database.session.add(
        DncEntry(company_id=place.company.id, kind="lead", value=str(a.id), method="sms", lead_id=a.id)
    )
    for days in (3, 1):
        make_call(b, "no_answer", started_at=NOON - timedelta(days=days))
    database.session.execute(
        sa.update(Lead)
        .where(Lead.id == b.id)
        .values(dial_attempts=2, pass_dials=2, last_dial_attempt=NOON - timedelta(days=1), dial_result="no_answer")
    )
    database.session.commit()
    set_status(b.id, "no_answer", by=place.bob)
    return a, b


def test_s7_a_merge_keeps_everything_and_its_undo_restores_both(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    a_id, before = a.id, snapshot(place.company.id)
    made = do_merge(place, b, a)
    database.session.refresh(b)
    assert (b.contact_count, b.call_count, b.dial_attempts, b.problem) == (5, 2, 2, None)
    assert (b.first_name, b.last_name, b.email, b.owner_id, b.tags, b.custom) == (
        "Ann",
        "Lee",
        "ann@example.com",
        place.bob.id,
        ["it", "vip"],
        {"k": "b", "m": 1},
    )
    assert b.status == "contacted"
    times = [entry.at for entry in find_stream(b)[0] if entry.kind in ("contact", "call")]
    assert (len(times), times) == (5, sorted(times, reverse=True))
    assert service.log_contact(b.id, Draft("sms"), by=place.bob).decision.code == "do_not_contact"
    assert service.log_contact(b.id, Draft("email"), by=place.bob).decision.code == "contact_cap"
    assert database.session.scalar(sa.select(LeadAlias.lead_id).where(LeadAlias.gone_id == a_id)) == b.id
    check_books(place.company.id)
    database.session.execute(sa.text("DELETE FROM guard_notices"))
    database.session.commit()
    assert undo(made.id, by=place.boss) == []
    assert snapshot(place.company.id) == before
    check_books(place.company.id)


def test_what_was_picked_is_kept(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    update_lead(b.id, {"city": "Boston"}, version=None, by=place.bob)
    update_lead(a.id, {"city": "Austin"}, version=None, by=place.bob)
    do_merge(place, b, a, picks={"city": a.id, "owner_id": b.id})
    database.session.refresh(b)
    assert (b.city, b.owner_id) == ("Austin", place.bob.id)


def test_what_was_changed_since_stays_and_is_named(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    a_id = a.id
    made = do_merge(place, b, a)
    update_lead(b.id, {"email": "new@example.com"}, version=None, by=place.bob)
    later = service.log_contact(b.id, Draft("linkedin"), by=place.bob).contact
    set_status(b.id, "qualified", by=place.bob)
    assert later is not None
    assert undo(made.id, by=place.boss) == ["email", "status"]
    database.session.rollback()
    back = database.session.get_one(Lead, a_id)
    database.session.refresh(b)
    assert (b.email, b.status, b.contact_count, back.email, back.contact_count) == (
        "new@example.com",
        "qualified",
        3,
        "ann@example.com",
        3,
    )
    check_books(place.company.id)


def test_merges_of_merges_are_undone_in_the_order_they_stand(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    c = make_lead(place.list, phone="+12125550711")
    a_id, b_id = a.id, b.id
    first = do_merge(place, b, a)
    second = do_merge(place, c, b)
    assert dict(database.session.execute(sa.select(LeadAlias.gone_id, LeadAlias.lead_id)).all()) == {
        a_id: c.id,
        b_id: c.id,
    }
    with pytest.raises(MergeRefused, match="Undo that merge first"):
        undo(first.id, by=place.boss)
    undo(second.id, by=place.boss)
    assert database.session.scalar(sa.select(LeadAlias.lead_id).where(LeadAlias.gone_id == a_id)) == b_id
    undo(first.id, by=place.boss)
    with pytest.raises(MergeRefused, match="undone already"):
        undo(first.id, by=place.boss)
    assert set(database.session.scalars(sa.select(Lead.id).where(Lead.company_id == place.company.id))) >= {
        a_id,
        b_id,
        c.id,
    }
    check_books(place.company.id)


def test_several_at_once_become_one(place: Place) -> None:
    leads = [make_lead(place.list, phone="+12125550788", dial_attempts=0) for _ in range(4)]
    for lead in leads:
        service.log_contact(lead.id, Draft("email", occurred_at=NOON), by=place.alice)
    do_merge(place, leads[0], *leads[1:])
    database.session.refresh(leads[0])
    assert leads[0].contact_count == 4
    check_books(place.company.id)


def test_do_not_call_wins_whichever_lead_is_kept(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    set_status(a.id, "dnc", by=place.boss)
    do_merge(place, b, a)
    assert database.session.scalar(sa.select(Lead.status).where(Lead.id == b.id)) == "dnc"


def test_a_review_that_is_out_of_date_merges_nothing(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    seen = fingerprint(place.company.id, [a.id, b.id])
    service.log_contact(b.id, Draft("linkedin"), by=place.bob)
    with pytest.raises(StaleMerge):
        merge(b.id, [a.id], {}, seen, by=place.boss)
    assert database.session.scalar(sa.select(sa.func.count(LeadMerge.id))) == 0


@pytest.mark.parametrize("what", ["claimed", "calling", "callbacks"])
def test_a_lead_in_use_is_not_merged(place: Place, pair: tuple[Lead, Lead], what: str) -> None:
    a, b = pair
    if what == "claimed":
        database.session.add(
            HopperEntry(
                company_id=place.company.id, lead_id=a.id, campaign_id=make_campaign(place.company).id, status="locked"
            )
        )
    elif what == "calling":
        make_call(a, "dialing", started_at=NOON)
    else:
        for lead in (a, b):
            database.session.add(Callback(company_id=place.company.id, lead_id=lead.id, due_at=NOON))
    database.session.commit()
    with pytest.raises(MergeRefused):
        do_merge(place, b, a)
    check_books(place.company.id)


def test_a_ready_hopper_entry_goes_and_one_open_callback_comes_along(place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    database.session.add(
        HopperEntry(company_id=place.company.id, lead_id=a.id, campaign_id=make_campaign(place.company).id)
    )
    database.session.add(Callback(company_id=place.company.id, lead_id=a.id, due_at=NOON))
    do_merge(place, b, a)
    assert database.session.scalar(sa.select(Callback.lead_id)) == b.id
    assert database.session.scalar(sa.select(sa.func.count(HopperEntry.id))) == 0


def test_a_merge_can_be_undone_for_thirty_days(place: Place, pair: tuple[Lead, Lead], set_clock: Any) -> None:
    a, b = pair
    made = do_merge(place, b, a)
    set_clock(NOON + timedelta(days=30))
    with pytest.raises(MergeRefused, match="30 days"):
        undo(made.id, by=place.boss)


def test_two_people_merging_the_same_pair_make_one_merge(app: Any, place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    seen = fingerprint(place.company.id, [a.id, b.id])
    boss, ids = loose(place.boss), (a.id, b.id)
    errors = at_once(app, [lambda: merge(ids[1], [ids[0]], {}, seen, by=boss) for _ in range(4)])
    assert len(errors) == 3
    assert all(isinstance(error, LookupError | StaleMerge) for error in errors), errors
    database.session.rollback()
    assert database.session.scalar(sa.select(sa.func.count(LeadMerge.id))) == 1
    check_books(place.company.id)


def test_a_merge_and_a_send_at_once_leave_one_contact_and_the_books_right(
    app: Any, place: Place, pair: tuple[Lead, Lead]
) -> None:
    a, b = pair
    a_id, seen = a.id, fingerprint(place.company.id, [a.id, b.id])

    b_id, alice, boss = b.id, loose(place.alice), loose(place.boss)

    def send() -> None:
        service.log_contact(a_id, Draft("linkedin"), by=alice)

    errors = at_once(app, [lambda: merge(b_id, [a_id], {}, seen, by=boss), send])
    assert all(isinstance(error, LookupError | StaleMerge) for error in errors), errors
    database.session.rollback()
    sent = database.session.scalar(
        sa.select(sa.func.count(ContactAttempt.id)).where(ContactAttempt.method == "linkedin")
    )
    assert (sent, len(errors)) in {(1, 0), (1, 1), (0, 1)}
    check_books(place.company.id)


# --- found and shown -----------------------------------------------------------------------------------------------


def test_groups_share_a_phone_or_an_email_across_lists_and_never_companies(place: Place) -> None:
    other = make_list(place.company)
    a, b = make_lead(place.list, phone="+12125550733"), make_lead(other, phone="+12125550733")
    c, d = make_lead(place.list, email="x@example.com"), make_lead(other, email="X@Example.com")
    make_lead(make_list(make_company()), phone="+12125550733", email="x@example.com")
    assert [(g.value, [row.id for row in g.rows]) for g in find_groups(place.company.id, "phone")[0]] == [
        ("+12125550733", [a.id, b.id])
    ]
    assert [(g.value, [row.id for row in g.rows]) for g in find_groups(place.company.id, "email")[0]] == [
        ("x@example.com", [c.id, d.id])
    ]
    assert [row.id for row in find_twins(a)] == [b.id]


def test_different_people_are_no_longer_shown(place: Place) -> None:
    a, b = make_lead(place.list, phone="+12125550733"), make_lead(place.list, phone="+12125550733")
    set_apart(b.id, a.id, by=place.alice)
    set_apart(a.id, b.id, by=place.alice)
    assert (find_groups(place.company.id, "phone")[0], find_twins(a)) == ([], [])
    take_back_apart(a.id, b.id, by=place.alice)
    assert [row.id for row in find_twins(a)] == [b.id]


def test_groups_are_paged_in_order_without_a_gap(place: Place) -> None:
    for n in range(30):
        for _ in range(2):
            make_lead(place.list, phone=f"+1212555{1000 + n}")
    first, after = find_groups(place.company.id, "phone")
    rest, end = find_groups(place.company.id, "phone", after=after or "")
    assert (len(first), len(rest), end) == (25, 5, None)
    assert len({group.value for group in [*first, *rest]}) == 30


def test_the_pages_compare_merge_and_undo(client: Any, place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    a_id = a.id
    sign_in(client, place.boss)
    assert f"ids={a.id}" in client.get("/duplicates").text
    review = client.get(f"/duplicates/merge?ids={a.id}&ids={b.id}")
    assert review.status_code == 200
    seen = review.text.split('name="seen" value="')[1].split('"')[0]
    stale = client.post("/duplicates/merge", data={"ids": [a.id, b.id], "survivor": b.id, "seen": "x"})
    assert (stale.status_code, "changed since" in stale.text) == (409, True)
    done = client.post("/duplicates/merge", data={"ids": [a.id, b.id], "survivor": b.id, "seen": seen})
    assert (done.status_code, done.location) == (303, f"/leads/{b.id}")
    assert client.get(f"/leads/{a_id}").location == f"/leads/{b.id}"
    assert "Undo" in client.get("/duplicates/merges").text
    merge_id = database.session.scalar(sa.select(LeadMerge.id))
    assert client.post(f"/duplicates/merges/{merge_id}/undo").location == f"/leads/{a_id}"
    assert client.get(f"/leads/{a_id}").status_code == 200


def test_reps_see_duplicates_and_managers_merge(client: Any, place: Place, pair: tuple[Lead, Lead]) -> None:
    a, b = pair
    sign_in(client, place.bob)
    assert "Compare and merge" not in client.get("/duplicates").text
    assert client.get(f"/duplicates/merge?ids={a.id}&ids={b.id}").status_code == 403
    assert client.post("/duplicates/apart", data={"ids": [a.id, b.id]}).status_code == 303


def test_another_companys_leads_are_not_merged_into_ours(client: Any, place: Place) -> None:
    theirs = make_lead(make_list(make_company()))
    sign_in(client, place.boss)
    assert client.get(f"/duplicates/merge?ids={place.lead.id}&ids={theirs.id}").status_code == 404
    assert (
        client.post(
            "/duplicates/merge", data={"ids": [place.lead.id, theirs.id], "survivor": place.lead.id, "seen": ""}
        ).status_code
        == 404
    )
    assert client.post("/duplicates/apart", data={"ids": [place.lead.id, theirs.id]}).status_code == 404
    with pytest.raises(LookupError):
        merge(place.lead.id, [theirs.id], {}, "", by=make_user(place.company))


def test_the_dialer_and_the_api_still_know_a_merged_lead_by_its_old_id_and_phone(client: Any, place: Place, pair: tuple[Lead, Lead]) -> None:  # fmt: skip
    kept, gone = pair
    gone_id, gone_phone = gone.id, gone.phone
    do_merge(place, kept, gone)
    api = Api(client, make_key(place.company, "calls:write", "leads:read", "leads:write"))
    told = {
        "provider": "acme",
        "type": "ended",
        "call_status": "busy",
        "started_at": "2026-06-01T14:00:00Z",
        "ended_at": "2026-06-01T14:00:25Z",
    }
    for number, named in enumerate(({"lead_id": gone_id}, {"phone": gone_phone})):
        answer = api.post("/calls/events", told | named | {"event_id": f"e{number}", "call_id": f"c{number}"})
        assert (answer.status_code, answer.json["outcome"]) == (200, "applied"), answer.text
    assert {
        call.lead_id for call in database.session.scalars(sa.select(CallLog).where(CallLog.provider == "acme"))
    } == {kept.id}
    assert api.get(f"/leads/{gone_id}").json["id"] == kept.id
    assert (
        api.call("PATCH", f"/leads/{gone_id}/status", {"status": "qualified", "reason": "asked"}).json["id"] == kept.id
    )
    stranger = Api(client, make_key(make_company(), "leads:read"))
    assert stranger.get(f"/leads/{gone_id}").status_code == 404
