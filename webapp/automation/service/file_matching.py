"""Rows of dealerships, of a file or by hand, against what is there: known ones, leads of the list, do-not-contact; and their leads made.

Everything happens in the transaction in hand and marks the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.dealership_rows import Row, key_of
from webapp.automation.websites import HOST_SQL, told_hosts
from webapp.core.db import db
from webapp.core.sets import as_document
from webapp.imports import staging
from webapp.leads.models import LeadList


def one_at_a_time(company_id: int) -> None:
    """As the leads' import does: one at a time of a company looks and writes, or two would both find no duplicate."""
    db.session.execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtext('imports'), :company)"), {"company": company_id % 2**31}
    )


def check_list(list_id: int, company_id: int) -> None:
    """Raises LookupError when it is not theirs, or archived."""
    found = db.session.get(LeadList, list_id)
    if found is None or found.company_id != company_id or found.archived_at is not None:
        raise LookupError("No such list")


def find_known(rows: Sequence[Row], *, twins: bool, company_id: int) -> None:
    """Mark the rows that are a dealership of the company already, by website; with `twins` by name and place too."""
    open_rows = [row for row in rows if row.outcome is None]
    found = db.session.execute(
        sa.text(
            "SELECT id, host, name, postal_code FROM dealerships WHERE company_id = :company AND host = ANY(CAST(:hosts AS text[]))"
            " ORDER BY id DESC"
        ),
        {"company": company_id, "hosts": sorted({row.host for row in open_rows})},
    ).all()
    known = {key_of(d.host, d.name, d.postal_code, twins=twins): d for d in found}
    for row in open_rows:
        dealership = known.get(key_of(row.host, row.name, row.postal_code, twins=twins))
        if dealership is not None:
            row.outcome, row.dealership_id, row.reason = "known", dealership.id, f"{dealership.name} has this website"


# By what a lead of the list is recognised, in this order. A lead that has its dealership already is no choice.
_LEADS = {
    "host": f"SELECT l.id, {HOST_SQL.format('l.website')} AS key FROM leads l WHERE l.list_id = :list AND l.company_id = :company"
    f" AND l.website <> '' AND {HOST_SQL.format('l.website')} = ANY(CAST(:keys AS text[]))",
    "phone": "SELECT s.lead_id AS id, s.phone AS key FROM lead_search s WHERE s.company_id = :company AND s.list_id = :list"
    " AND s.phone = ANY(CAST(:keys AS text[]))",
    "email": "SELECT s.lead_id AS id, s.email AS key FROM lead_search s WHERE s.company_id = :company AND s.list_id = :list"
    " AND s.email = ANY(CAST(:keys AS text[]))",
}  # fmt: skip


def _keys(row: Row) -> dict[str, tuple[str, ...]]:
    return {
        "host": told_hosts(row.host), "phone": (row.phone,) if row.phone else (), "email": (row.email.lower(),) if row.email else (),
    }  # fmt: skip


def find_leads(rows: Sequence[Row], *, list_id: int, company_id: int) -> None:
    """Give rows the lead of the list that has their website, phone or email; each lead once."""
    open_rows = [row for row in rows if row.outcome is None]
    choices: dict[tuple[str, str], list[int]] = {}
    for kind, sql in _LEADS.items():
        keys = sorted({key for row in open_rows for key in _keys(row)[kind]})
        found = db.session.execute(
            sa.text(
                f"SELECT m.id, m.key FROM ({sql}) m WHERE NOT EXISTS (SELECT FROM dealerships d WHERE d.lead_id = m.id) ORDER BY m.id"
            ),
            {"list": list_id, "company": company_id, "keys": keys},
        )
        for lead_id, key in found:
            choices.setdefault((kind, key), []).append(lead_id)
    taken: set[int] = set()
    for row in open_rows:
        fitting = (
            (i, kind)
            for kind, keys in _keys(row).items()
            for key in keys
            for i in choices.get((kind, key), ())
            if i not in taken
        )
        row.lead_id, row.known_by = next(fitting, (None, ""))
        if row.lead_id is not None:
            taken.add(row.lead_id)


def _stage(
    rows: Sequence[Row], company_id: int, country: str, list_id: int | None, by: int | None, cause: str = "import"
) -> staging.Target:
    """The rows without a lead in the import's own table, those on the do-not-contact list told. Duplicates are judged here,
    not there: the target is no list, and so none is found.
    """
    target = staging.Target(company_id, None, None, "list", "skip", None, by=by)  # type: ignore[arg-type]  # of no import
    staging.stage([row.as_lead(country) for row in rows], keep_raw=False)
    staging.judge(target, set())
    return replace(target, list_id=list_id, cause=cause)


def _read_staged(rows: Sequence[Row]) -> None:
    by_number = {row.number: row for row in rows}
    for number, outcome, reason, lead_id in db.session.execute(
        sa.text("SELECT number, outcome, reason, lead_id FROM staged")
    ):
        if outcome != "new":
            by_number[number].outcome, by_number[number].reason = outcome, reason
        by_number[number].lead_id = lead_id


def judge_dnc(rows: Sequence[Row], *, company_id: int, country: str) -> None:
    fresh = [row for row in rows if row.outcome is None and row.lead_id is None]
    if fresh:
        _stage(fresh, company_id, country, None, None)
        _read_staged(fresh)


def make_leads(rows: Sequence[Row], *, list_id: int, by: User, country: str, cause: str = "import") -> int:
    """Leads for the rows that have none, by the import's own rules: status new, a line in the ledger, a zone from the ZIP."""
    fresh = [row for row in rows if row.outcome is None and row.lead_id is None]
    if not fresh:
        return 0
    target = _stage(fresh, by.company_id, country, list_id, by.id, cause)
    staging.write_new(target)
    _read_staged(fresh)
    return sum(1 for row in fresh if row.outcome is None)


_WRITE = sa.text(
    """
    INSERT INTO dealerships (company_id, lead_id, name, website, host, contact_url, address, city, state, postal_code, latitude,
                             longitude, placed_by)
    SELECT :company, g.lead_id, g.name, g.website, g.host, g.contact_url, g.address, g.city, g.state, g.postal_code, g.lat, g.lng, g.placed_by
    FROM json_to_recordset(CAST(:given AS json)) AS g(number bigint, lead_id bigint, name text, website text, host text, contact_url text,
      address text, city text, state text, postal_code text, lat numeric, lng numeric, placed_by text)
    ORDER BY g.number ON CONFLICT (lead_id) DO NOTHING RETURNING id, lead_id
    """
)
_SAME = (
    "number",
    "lead_id",
    "name",
    "host",
    "contact_url",
    "address",
    "city",
    "state",
    "postal_code",
    "lat",
    "lng",
    "placed_by",
)


def write_dealerships(rows: Sequence[Row], *, company_id: int) -> list[int]:
    """The ids of those made. A lead that got its dealership meanwhile makes its row a known one."""
    ready = [row for row in rows if row.outcome is None]
    given: list[dict[str, Any]] = [
        {name: getattr(row, name) for name in _SAME} | {"website": row.website.url if row.website else ""}
        for row in ready
    ]
    made = {
        lead_id: i for i, lead_id in db.session.execute(_WRITE, {"company": company_id, "given": as_document(given)})
    }
    late = [row for row in ready if row.lead_id not in made]
    there: dict[int, int] = {}
    if late:
        there = {
            lead_id: i
            for i, lead_id in db.session.execute(
                sa.text("SELECT id, lead_id FROM dealerships WHERE lead_id = ANY(CAST(:leads AS bigint[]))"),
                {"leads": [row.lead_id for row in late]},
            )
        }
    for row in ready:
        lead_id = row.lead_id or 0
        row.dealership_id = made.get(lead_id) or there.get(lead_id)
        if lead_id not in made:
            row.outcome, row.reason = "known", "its lead has a dealership already"
    return list(made.values())
