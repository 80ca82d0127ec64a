"""Plans at a size where the wrong one would show: search and order never meet on one index."""

import json
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from tests.factories import make_list, make_user
from webapp.leads.filters import LeadFilter
from webapp.leads.queries.matching import Scope
from webapp.leads.queries.pages import find_page

ROWS = 45_000


@pytest.fixture
def many(db: SQLAlchemy):
    """A list of forty-five thousand beside small ones, with statistics."""
    user = make_user()
    lists = [make_list(user.company) for _ in range(4)]
    db.session.execute(
        sa.text(
            "INSERT INTO leads (company_id, list_id, first_name, last_name, phone, status, last_dial_attempt, tags, owner_id)"
            " SELECT :company, CASE WHEN g % 100 = 0 THEN :small + g % 3 ELSE :big END, 'Ana', 'Smith' || g, '+1212' || (1000000 + g),"
            " CASE WHEN g % 3 = 0 THEN 'new' ELSE 'no_answer' END, now() - g * interval '1 min',"
            " CASE WHEN g = 777 THEN ARRAY['rare'] ELSE '{}' END, CASE WHEN g % 7 = 0 THEN CAST(:user AS bigint) END"
            " FROM generate_series(1, :rows) g"
        ),
        {"company": user.company_id, "big": lists[0].id, "small": lists[1].id, "user": user.id, "rows": ROWS},
    )
    db.session.commit()
    db.session.execute(sa.text("ANALYZE leads"))
    db.session.execute(sa.text("ANALYZE lead_search"))
    db.session.commit()
    return user


def _walk(node: dict[str, Any]):
    yield node
    for child in node.get("Plans", []):
        yield from _walk(child)


def _plans(db: SQLAlchemy, user, query: str) -> list[list[dict[str, Any]]]:
    """The nodes of each statement on leads that a page of this filter runs."""
    seen: list[tuple[str, Any]] = []

    def keep(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        find_page(Scope.of(user), LeadFilter.from_query(query))
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    found = []
    for statement, parameters in seen:
        if "LIMIT" in statement and ("leads" in statement or "lead_search" in statement):
            plan = (
                db.session.connection()
                .exec_driver_sql("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
                .scalar_one()
            )
            plan = json.loads(plan) if isinstance(plan, str) else plan
            found.append(list(_walk(plan[0]["Plan"])))
    return found


def _touched(nodes: list[dict[str, Any]]) -> int:
    """Rows that scans gave or threw away."""
    return int(
        sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes
            if "Scan" in node["Node Type"] and node.get("Relation Name")
        )
    )


SEARCHES = (
    "q=smith7", "q=smith77&sort=name", "q=smith777&status=no_answer", "q=1000777&sort=-dialed", "tag=rare", "tag=rare&sort=name",
)  # fmt: skip
SEARCHED = {"ix_lead_search_tsv", "ix_lead_search_ends", "ix_lead_search_phone"}


def test_a_search_reads_its_matches_and_never_walks_the_leads_in_order(db: SQLAlchemy, many):
    for query in SEARCHES:
        plans = _plans(db, many, query)
        for nodes in plans:
            assert not any(node["Node Type"] == "Seq Scan" for node in nodes), query
            assert _touched(nodes) < 12_000, query
        assert SEARCHED & {node.get("Index Name") for nodes in plans for node in nodes}, query


def test_a_page_touches_a_few_hundred_rows_of_forty_five_thousand(db: SQLAlchemy, many):
    for query, sort, way in product(("", "status=new", "owner=me"), ("newest", "name", "dialed", "status"), ("", "-")):
        *_, nodes = _plans(db, many, f"{query}&sort={way}{sort}")
        most = 2 * ROWS if query == "owner=me" else 3_000  # few enough to be taken as ids first
        told = ("Node Type", "Index Name", "Actual Rows", "Actual Loops", "Index Cond", "Filter")
        assert _touched(nodes) < most, (query, sort, way, [[one.get(name) for name in told] for one in nodes])
