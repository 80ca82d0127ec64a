"""What the address says, and what is made of it."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from tests.factories import make_call, make_company, make_lead, make_list, make_user, sign_in
from webapp.leads import service
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead
from webapp.leads.queries import pages
from webapp.leads.queries.matching import Scope, count_exactly, count_matches
from webapp.leads.queries.pages import Key, find_page, parse_key
from webapp.leads.states import LEAD

JUNK = (
    "status=zzz", "status=new,zzz", "attempts_min=99999999999999999999999", "attempts_min=-1", "attempts_max=1e3",
    "attempts_min=٣", "not_contacted_days=x", "dialed_after=2026-13-45", "dialed_before=99999-01-01", "dialed_after=0001-01-01",
    "list=0", "list=999999999999999999999999", "list=a", "import=-5", "batch=not-a-uuid", "skipped=1.nonsense", "skipped=x",
    "owner=nobody", "owner=%00", "problem=%00", "q=%00", "q=%00%00abc", "tag=%00x", "sort=zzz", "sort=--name", "q=%ff%fe",
    "q='%3B drop table leads", "q=%5C%27", "q=!!!%26|", "q=" + "a" * 5000, "q=" + "+".join(["x"] * 400), "q=:*", "tag='%5C",
    "q=%F0%9F%98%80", "q=%E2%80%AE", "country=%25", "state=%5C", "q=%ED%A0%80", "after=%00", "after=zzz", "before=W10",
    "after=WzEsMl0", "after=W251bGwsbnVsbF0", "after=Wy0xLCJ4Il0", "n=-5", "n=99999999999999", "cols=zzz", "cols=phone&cols=zzz",
    "view=abc", "view=99999999999999999999", "batch=00000000-0000-0000-0000-000000000000", "skipped=99999.protected",
    "attempts_min=5&attempts_max=2", "import=9223372036854775807", "owner=9223372036854775807", "page=3",
)  # fmt: skip


def test_a_junk_query_string_never_fails(client, db: SQLAlchemy):
    user = make_user()
    lead = make_lead(make_list(user.company), tags=["x"])
    sign_in(client, user)
    sorts = itertools.cycle(("", "&sort=name", "&sort=-dialed", "&sort=status"))
    for query, sort in zip(JUNK, sorts, strict=False):
        for path in (
            f"/leads?{query}{sort}",
            f"/lists/{lead.list_id}?{query}{sort}",
            f"/leads/{lead.id}?from={quote(query)}&n=x",
        ):
            assert client.get(path).status_code == 200, path


def test_what_cannot_be_used_is_named_in_a_note():
    f = LeadFilter.from_query("status=zzz&attempts_min=x&owner=%00&sort=nope&status=new")
    assert f.status == ("new",)
    assert f.sort == "-newest"
    assert len(f.notes) == 4
    assert all("left out" in note for note in f.notes)


def test_a_filter_and_its_query_string_are_the_same_thing():
    text = "q=ann+smith&status=new&status=none&owner=me&tag=vip&list=3&problem=missing_status&attempts_min=2&attempts_max=9"
    text += f"&not_contacted_days=30&dialed_after=2026-01-02&country=US&state=TX&import=7&batch={uuid4()}&sort=-name"
    f = LeadFilter.from_query(text)
    assert f.notes == ()
    assert LeadFilter.from_query(f.query_string()) == f


def test_a_page_key_survives_its_address_and_nonsense_does_not():
    now = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    for key, sort in (
        (Key(5), "newest"),
        (Key(5, "o'brien é"), "name"),
        (Key(5, now), "dialed"),
        (Key(5), "dialed"),
        (Key(5), "status"),
    ):
        assert parse_key(key.encode(), sort) == key
    for text in ("", "x", "bnVsbA", "W10", Key(0).encode(), Key(2**70).encode(), "a" * 5000, Key(5).encode() + "é"):
        assert parse_key(text, "name") is None
    assert parse_key(Key(5).encode(), "name") is None
    assert parse_key(Key(5, "no date").encode(), "dialed") is None


def _world(db: SQLAlchemy, rng: random.Random):
    """Two hundred leads in four lists, with ties and gaps in every sort column, beside another company's."""
    user = make_user()
    lists = [make_list(user.company) for _ in range(4)]
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for n in range(160):
        lead = Lead(
            company_id=user.company_id, list_id=rng.choice(lists[:3]).id, first_name=rng.choice(["Ana", "bob", "Zoë", "", "محمد"]),
            last_name=rng.choice(["Smith", "smith", "O'Hara", ""]), business=rng.choice(["", "Acme"]), phone=f"+1212555{n:04}" if n % 5 else None,
            status=rng.choice([*LEAD.names, sa.null(), "new", "new"]), owner_id=rng.choice([None, user.id]),
            dial_attempts=rng.choice([0, 0, 1, 3, 12]), answered_count=rng.choice([0, 0, 1]), tags=rng.choice([[], ["vip"], ["vip", "it's \\ odd"]]),
            last_dial_attempt=rng.choice([None, None, start + timedelta(days=rng.randrange(5))]),
            last_logged_at=rng.choice([None, start, datetime.now(UTC)]), state=rng.choice(["TX", "tx", "NY"]), country="US",
        )  # fmt: skip
        db.session.add(lead)
    other = make_list(make_company())
    for _ in range(5):
        make_lead(other, first_name="Ana", tags=["vip"])
    return user, lists


def _naive(leads, f: LeadFilter, user):
    """What a person would say, without an index."""

    def fits(lead: Lead) -> bool:
        return (
            (not f.status or (lead.status or "none") in f.status)
            and (not f.owner or lead.owner_id == (None if f.owner == "none" else user.id))
            and (not f.tag or f.tag in lead.tags)
            and (not f.lists or lead.list_id in f.lists)
            and (not f.problem or lead.problem == f.problem)
            and (f.attempts_min is None or lead.dial_attempts >= f.attempts_min)
            and (f.attempts_max is None or lead.dial_attempts <= f.attempts_max)
            and (not f.answered or (lead.answered_count > 0) == (f.answered == "yes"))
            and (
                f.not_contacted_days is None
                or lead.last_contacted_at is None
                or lead.last_contacted_at < datetime.now(UTC) - timedelta(days=1)
            )
            and (not f.state or lead.state.lower() == f.state.lower())
            and (
                f.dialed_after is None
                or (lead.last_dial_attempt is not None and lead.last_dial_attempt.date() >= f.dialed_after)
            )
            and (
                f.dialed_before is None
                or (lead.last_dial_attempt is not None and lead.last_dial_attempt.date() < f.dialed_before)
            )
        )

    def name(lead: Lead) -> str:
        return (f"{lead.last_name} {lead.first_name}".strip() or lead.business).strip().lower()

    never = datetime(1900, 1, 1, tzinfo=UTC)
    keys = {
        "newest": lambda lead: lead.id, "name": lambda lead: (name(lead), lead.id),
        "dialed": lambda lead: (lead.last_dial_attempt or never, lead.id), "status": lambda lead: (lead.status or "~", lead.id),
    }  # fmt: skip
    return [lead.id for lead in sorted(filter(fits, leads), key=keys[f.sort_key], reverse=f.falling)]


def _random_query(rng: random.Random, lists) -> str:
    parts = [
        ("status", lambda: "&status=".join(rng.sample([*LEAD.names, "none"], rng.choice([1, 2, 5])))), ("owner", lambda: rng.choice(["me", "none"])),
        ("tag", lambda: rng.choice(["vip", "it%27s+%5C+odd", "nothing"])), ("list", lambda: str(rng.choice(lists).id)),
        ("problem", lambda: rng.choice(["missing_status", "count_without_log"])), ("attempts_min", lambda: rng.choice(["1", "12", "13"])),
        ("attempts_max", lambda: rng.choice(["0", "3", "20"])), ("not_contacted_days", lambda: "1"), ("state", lambda: "tx"),
        ("dialed_after", lambda: "2026-03-02"), ("dialed_before", lambda: "2026-03-04"), ("answered", lambda: rng.choice(["yes", "no"])),
    ]  # fmt: skip
    chosen = rng.sample(parts, rng.choice([0, 1, 1, 2, 3]))
    sort = rng.choice(["", "-"]) + rng.choice(["newest", "name", "dialed", "status"])
    return "&".join([*(f"{name}={make()}" for name, make in chosen), f"sort={sort}"])


@pytest.mark.parametrize("few", [True, False], ids=["few matches sorted", "many matches walked"])
def test_keyset_pages_forward_and_back_give_the_naive_order_for_random_filters(db: SQLAlchemy, monkeypatch, few: bool):
    rng = random.Random(20261121)
    user, lists = _world(db, rng)
    db.session.commit()
    if not few:
        # Ten entries of an index stand for a million: short stretches, the one pass behind them, and no id lists.
        monkeypatch.setattr(pages, "STRETCH", 10)
        monkeypatch.setattr(pages, "COUNT_CAP", 0)
    leads = db.session.query(Lead).filter_by(company_id=user.company_id).all()
    scope = Scope(user.company_id, user.id)
    for _ in range(120):
        query = _random_query(rng, lists)
        f = LeadFilter.from_query(query)
        want = _naive(leads, f, user)
        count = count_matches(scope, f, cap=10_000 if few else 0)
        assert count_exactly(scope, f) == len(want), query
        got, after, last = [], None, None
        while True:
            page = find_page(scope, f, after=after, size=17, count=count)
            got += [lead.id for lead in page.leads]
            last = page
            if page.next is None:
                break
            after = page.next
        assert got == want, query
        back = [lead.id for lead in last.leads]
        while last.previous is not None:
            last = find_page(scope, f, before=last.previous, size=17, count=count)
            back = [lead.id for lead in last.leads] + back
        assert back == want, query


@pytest.mark.parametrize(
    "q",
    ["ann", "ANNA", "anna o'har", "ohara-klein", "klein", "acme motors", "anna.ohara@example.com", "555-0187", "(212) 555 0187",
     "+12125550187", "0187", "212555", "كريم", "hotlanta"],
)  # fmt: skip
def test_search_finds_a_lead_by_words_email_and_either_end_of_its_phone(db: SQLAlchemy, q: str):
    user = make_user()
    lead_list = make_list(user.company)
    lead = make_lead(lead_list, first_name="Anna كريم", last_name="O'Hara ohara-klein", business="Acme Motors", city="Hotlanta",
                     email="Anna.OHara@example.com", phone="+12125550187")  # fmt: skip
    make_lead(lead_list, first_name="Somebody", last_name="Else", phone="+13105559999")
    make_lead(make_list(make_company()), first_name="Anna كريم", last_name="O'Hara ohara-klein", business="Acme Motors",
              city="Hotlanta", phone="+12125550187", email="anna.ohara@example.com")  # fmt: skip
    f = LeadFilter(q=q)
    assert [found.id for found in find_page(Scope.of(user), f).leads] == [lead.id]


def test_search_is_capped_and_says_so(db: SQLAlchemy, monkeypatch):
    from webapp.leads.queries import matching

    user = make_user()
    lead_list = make_list(user.company)
    for _ in range(8):
        make_lead(lead_list, first_name="Common")
    monkeypatch.setattr(matching, "SEARCH_CAP", 5)
    count = count_matches(Scope.of(user), LeadFilter(q="common"))
    assert (count.number, count.exact) == (5, False)


def test_the_leads_of_a_batch_are_found_by_it(db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    ids = [make_lead(lead_list).id for _ in range(3)]
    make_lead(lead_list)
    row = service.run_bulk("tag_add", {"tag": "x"}, service.Selection(tuple(ids)), seen=3, by=user, form_token="t")
    found = find_page(Scope.of(user), LeadFilter.from_query(f"batch={row.batch_id}&sort=newest"))
    assert [lead.id for lead in found.leads] == ids


def test_attempts_beyond_the_tallies_are_counted_from_the_leads(db: SQLAlchemy):
    user = make_user()
    lead_list = make_list(user.company)
    for attempts in (0, 9, 10, 11, 25):
        make_lead(lead_list, dial_attempts=attempts)
    scope = Scope.of(user)
    for low, high, want in ((10, None, 3), (11, None, 2), (None, 9, 2), (None, 10, 3), (None, 24, 4), (1, 11, 3)):
        f = LeadFilter(attempts_min=low, attempts_max=high)
        assert count_matches(scope, f).number == want, (low, high)


def test_a_call_of_the_other_company_is_never_counted(db: SQLAlchemy):
    user = make_user()
    make_call(make_lead(make_list(make_company())))
    assert count_matches(Scope.of(user), LeadFilter()).number == 0
