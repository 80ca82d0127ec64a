"""Dealerships: edited one by one, made of leads in sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import Company, User
from webapp.automation.dealership_rows import locate
from webapp.automation.models import Dealership
from webapp.automation.service.file_matching import one_at_a_time
from webapp.automation.service.membership import Added, add_ids, follow_dealerships, open_project
from webapp.automation.websites import Website, WebsiteRefused, read_website
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.sets import as_document
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead
from webapp.leads.queries.matching import Scope, get_list_ids, match_sql

CHUNK = 5_000
MOST = 100_000  # leads with a website that one request takes
SAMPLES = 20


class StaleDealership(Exception):
    """Somebody else changed it since the form was made."""


class TooMany(Exception):
    """The text says how many can be taken."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the form holds. `point` None: placed by its postal code, where that can be."""

    name: str
    website: Website
    contact_url: str
    address: str
    city: str
    state: str
    postal_code: str
    point: tuple[float, float] | None

    def columns(self, country: str) -> dict[str, Any]:
        lat, lng, placed_by = locate(self.point, self.postal_code, country)
        return {
            "name": self.name, "website": self.website.url, "host": self.website.host, "contact_url": self.contact_url,
            "address": self.address, "city": self.city, "state": self.state, "postal_code": self.postal_code, "latitude": lat,
            "longitude": lng, "placed_by": placed_by,
        }  # fmt: skip


def country_of(lead: Lead) -> str:
    """The lead's, else the company's."""
    return lead.country or db.session.get_one(Company, lead.company_id).country


@atomic
def update_dealership(dealership_id: int, facts: Facts, *, version: int, by: User) -> Dealership:
    """A new place moves its distance in every project; its lead stays as it is. Raises LookupError, StaleDealership."""
    row = find_owned(Dealership, dealership_id, by.company_id, lock=True)
    if row is None:
        raise LookupError("No such dealership")
    wanted = facts.columns(country_of(db.session.get_one(Lead, row.lead_id)))
    now = describe(row)
    before = {name: now[name] for name, value in wanted.items() if now[name] != value}
    if not before:
        return row
    if row.version != version:
        raise StaleDealership
    for name in before:
        setattr(row, name, wanted[name])
    row.version += 1
    row.updated_at = db_now()
    db.session.flush()
    if {"latitude", "longitude"} & before.keys():
        follow_dealerships([row.id])
    record_event(
        "dealership_changed", f"Changed the dealership {row.name}", by=by, subject=row, before=before,
        after={name: wanted[name] for name in before},
    )  # fmt: skip
    db.session.refresh(row)
    return row


def describe(row: Dealership) -> dict[str, Any]:
    """Its columns as `Facts.columns` gives them."""
    names = ("name", "website", "host", "contact_url", "address", "city", "state", "postal_code", "placed_by")
    found = {name: getattr(row, name) for name in names}
    return found | {name: None if (v := getattr(row, name)) is None else float(v) for name in ("latitude", "longitude")}


# --- of leads --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pick:
    """A lead to make one of. `twin`: although another dealership has its website."""

    lead_id: int
    website: Website
    postal_code: str
    country: str
    twin: bool = False


@dataclass(slots=True)
class LeadsSorted:
    """Chosen leads by what stands in their way. `bad` and `twins` show the first of theirs as (lead id, name, website, why)."""

    total: int = 0
    no_website: int = 0
    known: list[int] = field(default_factory=list)  # lead ids
    new: list[Pick] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)  # lead id -> bad_website or twin
    bad: list[tuple[int, str, str, str]] = field(default_factory=list)
    twins: list[tuple[int, str, str, str]] = field(default_factory=list)

    def count(self, code: str) -> int:
        return sum(1 for found in self.codes.values() if found == code)


def chosen_sql(filter: LeadFilter, by: User) -> tuple[str, dict[str, Any]]:
    """SELECT of the ids of the leads that a filter of theirs means, and its parameters."""
    scope = Scope.of(by)
    return match_sql(scope, filter, get_list_ids(scope, filter), cap=None)


def ids_sql(lead_ids: Sequence[int], by: User) -> tuple[str, dict[str, Any]]:
    return "SELECT l.id FROM leads l WHERE l.company_id = :company AND l.id = ANY(CAST(:ids AS bigint[]))", {
        "company": by.company_id, "ids": list(lead_ids),
    }  # fmt: skip


def sort_leads(chosen: str, params: dict[str, Any], *, twins: bool, by: User) -> LeadsSorted:
    """Judge every chosen lead, writing nothing. With `twins`, several may share a website. Raises TooMany."""
    found = LeadsSorted()
    counts = db.session.execute(
        sa.text(
            f"WITH m AS MATERIALIZED ({chosen}) SELECT count(*) AS total, count(*) FILTER (WHERE l.website = '' AND d.id IS NULL) AS bare,"
            " count(*) FILTER (WHERE l.website <> '' AND d.id IS NULL) AS fresh"
            " FROM m JOIN leads l ON l.id = m.id LEFT JOIN dealerships d ON d.lead_id = l.id"
        ),
        params,
    ).one()
    if counts.fresh > MOST:
        raise TooMany(f"At most {MOST:,} leads at once; {counts.fresh:,} of these have a website. Narrow the filter.")
    found.total, found.no_website = counts.total, counts.bare
    rows = db.session.execute(
        sa.text(
            f"WITH m AS MATERIALIZED ({chosen}) SELECT l.id, l.website, l.postal_code, coalesce(nullif(l.country, ''), c.country) AS country,"
            " d.id AS known, coalesce(nullif(l.business, ''), btrim(l.first_name || ' ' || l.last_name)) AS name"
            " FROM m JOIN leads l ON l.id = m.id JOIN companies c ON c.id = l.company_id LEFT JOIN dealerships d ON d.lead_id = l.id"
            " WHERE l.website <> '' OR d.id IS NOT NULL ORDER BY l.id"
        ),
        params,
    ).all()
    read: list[tuple[Any, Website]] = []
    for row in rows:
        if row.known is not None:
            found.known.append(row.id)
            continue
        try:
            read.append((row, read_website(row.website)))
        except WebsiteRefused as refused:
            found.codes[row.id] = "bad_website"
            if len(found.bad) < SAMPLES:
                found.bad.append((row.id, row.name, row.website, str(refused)))
    _leave_twins(found, read, twins=twins, by=by)
    return found


def _leave_twins(found: LeadsSorted, read: list[tuple[Any, Website]], *, twins: bool, by: User) -> None:
    taken: dict[str, str] = {}
    if not twins:
        taken = dict.fromkeys(
            known_hosts(by.company_id, {website.host for _, website in read}), "a dealership has it already"
        )
    for row, website in read:
        if website.host in taken:
            found.codes[row.id] = "twin"
            if len(found.twins) < SAMPLES:
                found.twins.append((row.id, row.name, website.host, taken[website.host]))
            continue
        if not twins:
            taken[website.host] = f"same website as lead {row.id}"
        found.new.append(Pick(row.id, website, row.postal_code, row.country, twins))


def known_hosts(company_id: int, hosts: Iterable[str]) -> set[str]:
    asked = sa.select(Dealership.host).where(
        Dealership.company_id == company_id, Dealership.host == sa.any_(sa.cast(sa.literal(sorted(hosts), sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text)))
    )  # fmt: skip
    return set(db.session.scalars(asked))


_MAKE = sa.text(
    """
    INSERT INTO dealerships (company_id, lead_id, name, website, host, city, state, postal_code, latitude, longitude, placed_by)
    SELECT l.company_id, l.id, coalesce(nullif(l.business, ''), nullif(btrim(l.first_name || ' ' || l.last_name), ''), g.host),
           g.website, g.host, l.city, l.state, l.postal_code, g.lat, g.lng, g.placed_by
    FROM json_to_recordset(CAST(:given AS json)) AS g(lead_id bigint, website text, host text, lat numeric, lng numeric, placed_by text)
    JOIN leads l ON l.id = g.lead_id AND l.company_id = :company ORDER BY l.id
    ON CONFLICT (lead_id) DO NOTHING RETURNING id
    """
)


def make_of_leads(
    picks: Sequence[Pick], known: Sequence[int], *, project_id: int | None, by: User
) -> tuple[int, Added | None]:
    """(dealerships made, what of all these leads came to the project). In chunks, each of its own transaction; a second time
    is as good as once. Raises LookupError, MembershipRefused before anything is made.
    """
    if project_id is not None:
        _check_project(project_id, by)
    made = sum(_make_chunk(picks[at : at + CHUNK], by) for at in range(0, len(picks), CHUNK))
    if made:
        _note_made(made, by)
    if project_id is None:
        return made, None
    return made, _add_leads(project_id, [*known, *(pick.lead_id for pick in picks)], by)


@atomic
def _check_project(project_id: int, by: User) -> None:
    open_project(project_id, by)


@atomic
def _make_chunk(picks: Sequence[Pick], by: User) -> int:
    return len(make_now(picks, by))


def make_now(picks: Sequence[Pick], by: User) -> list[int]:
    """Their ids, in the transaction in hand; leads that have one already are left alone, and so are those whose website has been given
    to another since they were picked.
    """
    one_at_a_time(by.company_id)
    taken = known_hosts(by.company_id, {pick.website.host for pick in picks if not pick.twin})
    given = []
    for pick in picks:
        if pick.website.host in taken and not pick.twin:
            continue
        lat, lng, placed_by = locate(None, pick.postal_code, pick.country)
        given.append({"lead_id": pick.lead_id, "website": pick.website.url, "host": pick.website.host, "lat": lat, "lng": lng,
                      "placed_by": placed_by})  # fmt: skip
    return list(db.session.scalars(_MAKE, {"given": as_document(given), "company": by.company_id}))


@atomic
def _note_made(made: int, by: User) -> None:
    record_event("dealerships_made", f"Made {made:,} dealerships of leads", by=by, made=made)


@atomic
def _add_leads(project_id: int, lead_ids: Sequence[int], by: User) -> Added:
    project = open_project(project_id, by)
    ids = db.session.scalars(
        sa.text("SELECT id FROM dealerships WHERE company_id = :company AND lead_id = ANY(CAST(:leads AS bigint[]))"),
        {"company": by.company_id, "leads": list(lead_ids)},
    ).all()
    return add_ids(project, ids, by=by, reason="from leads")
