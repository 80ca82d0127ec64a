"""Repair, recycle, pages, events: what the database does most of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench import floors
from bench.clock import Job, timed
from bench.world import Seeded, World
from webapp.accounts.models import User
from webapp.core.db import db
from webapp.dialer.events import parse_event
from webapp.dialer.service import record_events
from webapp.leads.export import stream_csv
from webapp.leads.filters import LeadFilter
from webapp.leads.models import Lead, LeadList
from webapp.leads.queries.lists import get_numbers
from webapp.leads.queries.matching import Scope
from webapp.leads.queries.pages import find_page, parse_key
from webapp.recycling.queries import problem_counts
from webapp.recycling.recycle import perform_recycle, preview_recycle, start_recycle
from webapp.recycling.repair import perform_repair, start_repair

RECYCLED = ["no_answer", "busy", "failed"]


def _floor(world: World, source: Seeded, statement: str, **params: Any) -> float:
    with world.clone(source) as name:
        engine = sa.create_engine(world.url_of(name))
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT count(*) FROM leads")).scalar()
            seconds = timed(lambda: connection.execute(sa.text(statement), {"list": source.list_id, **params}))
        engine.dispose()
    return seconds


def repair(world: World, source: Seeded) -> Job:
    problems = source.leads * 585 // 1000

    def ours() -> float:
        with world.clone(source) as name, world.in_app(name) as session:
            session.execute(sa.text("SELECT count(*) FROM leads")).scalar()

            def work() -> None:
                perform_repair(start_repair(source.company_id, by=None, list_id=source.list_id).id)

            seconds = timed(work)
            left = sum(problem_counts(source.company_id).values())
            rows = session.scalar(sa.text("SELECT count(*) FROM status_changes"))
            assert (left, rows) == (0, problems), (left, rows)
        return seconds

    job = Job("repair with ledger", "1.5 x", rows=problems, size=f"{problems:,} of {source.leads:,}")
    return job.run(ours, lambda: _floor(world, source, floors.REPAIR))


def recycle(world: World, source: Seeded) -> Job:
    wanted: dict[str, int] = {}

    def ours() -> float:
        with world.clone(source) as name, world.in_app(name) as session:
            session.execute(sa.text("SELECT count(*) FROM leads")).scalar()
            lead_list, user = session.get(LeadList, source.list_id), session.scalars(sa.select(User)).first()

            def work() -> None:
                batch = start_recycle(lead_list, RECYCLED, "new", reset_dial_count=True, by=user)
                perform_recycle(batch.id)
                wanted["n"] = batch.done

            return timed(work)

    def floor() -> float:
        return _floor(world, source, floors.RECYCLE, statuses=RECYCLED, n=wanted.get("n", source.leads))

    job = Job("recycle with ledger", "1.5 x").run(ours, floor)
    job.rows, job.size = wanted["n"], f"{wanted['n']:,} of {source.leads:,}"
    return job


def pages(world: World, source: Seeded) -> Iterator[Job]:
    """Reads only, on the seed itself."""
    with world.in_app(source.name) as session:
        scope, size = Scope(source.company_id, None, "UTC"), f"{source.leads:,}"
        lead_list = session.get(LeadList, source.list_id)
        middle = session.scalar(sa.text("SELECT id FROM leads ORDER BY id OFFSET :n LIMIT 1"), {"n": source.leads // 2})

        def query(statement: str) -> float:
            return timed(lambda: session.execute(sa.text(statement), {"list": source.list_id}).all())

        def page(text: str, after: int | None = None) -> float:
            chosen = LeadFilter.from_query(text)
            key = parse_key(_key(after), chosen.sort_key) if after else None
            session.rollback()
            return timed(lambda: find_page(scope, chosen, after=key))

        where = f"list={source.list_id}"
        yield Job("status breakdown", "page < 200 ms", size=size).run(
            lambda: timed(lambda: get_numbers(source.company_id, source.list_id)), lambda: query(floors.BREAKDOWN), 5
        )
        yield Job("problem counts", "page < 200 ms", size=size).run(
            lambda: timed(lambda: problem_counts(source.company_id, source.list_id)),
            lambda: query("SELECT count(*) FROM leads WHERE list_id = :list AND problem IS NOT NULL"), 5,
        )  # fmt: skip
        first = floors.FIRST_PAGE
        yield Job("lead table, first page", "p95 < 80 ms", size=size).run(lambda: page(where), lambda: query(first), 9)
        yield Job("lead table, page 10,000", "as page 1", size=size).run(
            lambda: page(where, middle), lambda: query(first.replace("ORDER", f"AND id < {middle} ORDER")), 9
        )
        yield Job("lead table, by last dial", "p95 < 80 ms", size=size).run(
            lambda: page(where + "&sort=-dialed"), None, 9
        )
        yield Job("lead table, one status", "p95 < 80 ms", size=size).run(lambda: page(where + "&status=busy"), None, 9)
        yield Job("search as one types", "< 50 ms", size=size).run(lambda: page("q=name777"), None, 9)
        yield Job("search, very common word", "< 50 ms", size=size).run(lambda: page("q=ana"), None, 9)
        yield Job("recycle preview", "< 2 s", size=size).run(
            lambda: timed(lambda: preview_recycle(lead_list, RECYCLED, "new", reset_dial_count=False)), None
        )


def _key(row_id: int) -> str:
    import base64
    import json

    return base64.urlsafe_b64encode(json.dumps([row_id, None]).encode()).decode().rstrip("=")


def csv(world: World, source: Seeded) -> Job:
    with world.in_app(source.name):
        engine = sa.create_engine(world.url_of(source.name))

        def ours() -> float:
            return timed(
                lambda: sum(
                    len(b) for b in stream_csv(source.company_id, LeadFilter.from_query(f"list={source.list_id}"))
                )
            )

        def floor() -> float:
            with engine.connect() as connection, connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
                columns = (
                    "first_name, last_name, business, title, phone, extension, email, website, linkedin_url, city, state, postal_code,"
                    " country, zone, source, tags, status, owner_id, id, list_id, dial_attempts, answered_count, last_dial_attempt,"
                    " dial_result, last_status_change, last_contacted_at, created_at"
                )

                def read() -> int:
                    query = (
                        f"COPY (SELECT {columns} FROM leads WHERE list_id = {source.list_id}) TO STDOUT (FORMAT csv)"
                    )
                    with cursor.copy(query) as copy:
                        return sum(len(block) for block in copy)

                return timed(read)

        job = Job("CSV export", "1.67 x (60 % of COPY)", rows=source.leads, size=f"{source.leads:,}").run(ours, floor)
        engine.dispose()
    return job


def events(world: World, source: Seeded, batches: int = 20, each: int = 1000) -> Job:
    with world.clone(source) as name, world.in_app(name) as session:
        ids = itertools.cycle(
            session.scalars(sa.select(Lead.id).order_by(sa.func.hashint8(Lead.id)).limit(200_000)).all()
        )
        numbers, start = itertools.count(1), datetime(2026, 6, 1, tzinfo=UTC)

        def batch() -> list[dict[str, Any]]:
            made = []
            for _ in range(each):
                number = next(numbers)
                made.append({
                    "provider": "bench", "event_id": f"e{number}", "call_id": f"c{number}", "lead_id": next(ids), "type": "ended",
                    "call_status": "busy", "occurred_at": (start + timedelta(seconds=number)).isoformat(), "duration": 20,
                })  # fmt: skip
            return made

        def ours() -> float:
            told = [batch() for _ in range(batches)]
            return timed(lambda: [record_events(source.company_id, [parse_event(e) for e in b]) for b in told])

        def floor() -> float:
            told = [batch() for _ in range(batches)]

            def insert() -> None:
                for b in told:
                    session.execute(sa.text(floors.EVENTS), {
                        "company": source.company_id, "leads": [e["lead_id"] for e in b], "calls": [e["call_id"] for e in b],
                        "at": [e["occurred_at"] for e in b],
                    })  # fmt: skip
                    session.commit()

            session.execute(sa.text("SET rebound.calls_counted = 'on'"))
            seconds = timed(insert)
            session.execute(sa.text("RESET rebound.calls_counted"))
            session.commit()
            return seconds

        job = Job(
            "call events, batches of 1,000", "5,000/s applied in full", rows=batches * each, size=f"{batches * each:,}"
        )
        return job.run(ours, floor)


def grows(world: World, jobs: dict[str, dict[int, float]]) -> str:
    """Cost per row by size, for the closing lines of the table."""
    lines = []
    for name, by_size in jobs.items():
        costs = {size: seconds / size * 1e6 for size, seconds in by_size.items()}
        least, most = min(by_size), max(by_size)
        shown = ", ".join(f"{size:,}: {cost:.1f} µs" for size, cost in sorted(costs.items()))
        lines.append(f"{name}: {shown}; grows {costs[most] / costs[least]:.2f} x (target under 1.5 x)")
    return "\n".join(lines)


__all__ = ["csv", "db", "events", "grows", "pages", "recycle", "repair"]
