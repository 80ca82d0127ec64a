"""The one query behind every count of leads: breakdowns, problem counts, the status report.

Reads `lead_tallies`, which triggers keep exact, so it costs a millisecond whatever the list's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from webapp.core.db import atomic, db
from webapp.leads.models import LeadTally

DIAL_CAP = 10  # `dials` of a cell is min(dial_attempts, 10)


@dataclass(frozen=True, slots=True)
class Cell:
    """Leads alike in all of these; `dial_sum` and `answered_sum` are their exact totals."""

    list_id: int
    status: str | None
    problem: str | None
    pass_number: int
    dials: int
    answered: bool
    leads: int
    dial_sum: int
    answered_sum: int


def get_cells(company_id: int, *, list_id: int | None = None, list_ids: Iterable[int] | None = None) -> list[Cell]:
    t = LeadTally.__table__.c
    keys = (t.list_id, t.status, t.problem, t.pass_number, t.dials, t.answered)
    query = (
        sa.select(
            *keys,
            *(sa.cast(sa.func.sum(c), sa.BigInteger).label(c.name) for c in (t.leads, t.dial_sum, t.answered_sum)),
        )
        .where(t.company_id == company_id)
        .group_by(*keys)
        .having(sa.func.sum(t.leads) != 0)
    )
    if list_id is not None:
        query = query.where(t.list_id == list_id)
    if list_ids is not None:
        query = query.where(t.list_id.in_(list(list_ids)))
    return [Cell(**row._mapping) for row in db.session.execute(query)]


def count(cells: Iterable[Cell], test: Callable[[Cell], bool] = lambda cell: True) -> int:
    return sum(cell.leads for cell in cells if test(cell))


def by_status(cells: Iterable[Cell]) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for cell in cells:
        found[cell.status] = found.get(cell.status, 0) + cell.leads
    return found


@atomic
def fold_tallies() -> int:
    """Merge the appended deltas of each key into one row; returns how many rows went away. Safe to run at any time."""
    return int(
        db.session.execute(
            sa.text(
                """
                WITH lists AS (
                  SELECT list_id FROM lead_tallies GROUP BY list_id, status, problem, pass_number, dials, answered
                  HAVING count(*) > 1
                ), gone AS (
                  DELETE FROM lead_tallies WHERE list_id IN (SELECT list_id FROM lists) RETURNING *
                ), kept AS (
                  INSERT INTO lead_tallies (company_id, list_id, status, problem, pass_number, dials, answered,
                                            leads, dial_sum, answered_sum)
                  SELECT company_id, list_id, status, problem, pass_number, dials, answered,
                         sum(leads), sum(dial_sum), sum(answered_sum)
                  FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7
                  HAVING sum(leads) <> 0 OR sum(dial_sum) <> 0 OR sum(answered_sum) <> 0
                  RETURNING 1
                )
                SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM kept)
                """
            )
        ).scalar_one()
    )
