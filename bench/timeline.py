"""The lead's page with a long history, its poll, and the table's filters by contact."""

from __future__ import annotations

import http.client
import re
import urllib.parse
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from bench.clock import Job, timed
from bench.http import gunicorn, hammer
from bench.world import Seeded, World
from webapp.accounts.passwords import hash_password
from webapp.leads.filters import LeadFilter
from webapp.leads.queries.matching import Scope
from webapp.leads.queries.pages import find_page
from webapp.reports.outreach import OutreachFilter, get_outreach, today_of

ENTRIES = 3_000
PASSWORD = "only for the benchmark"
# Four in ten leads were last contacted 30 days ago or more, one in a thousand 200 days ago or more.
CONTACTED = """
UPDATE leads SET logged_contacts = 1, last_logged_method = 'email', last_logged_at =
  rebound_now() - make_interval(days => CASE WHEN id % 10 < 6 THEN 1 + (id % 28)::int ELSE 31 + (id % 60)::int END)
WHERE id % 1000 <> 0
"""
HISTORY = """
INSERT INTO contact_attempts (company_id, lead_id, user_id, user_name, method, direction, subject, body, occurred_at, created_at)
SELECT l.company_id, l.id, (SELECT min(id) FROM users), 'Bench', (ARRAY['email', 'call', 'linkedin'])[1 + n % 3], 'outbound',
  'Subject ' || n, repeat('A line of what was said. ', 6), rebound_now() - make_interval(hours => n), rebound_now()
FROM leads l CROSS JOIN generate_series(1, CAST(:entries AS int)) n WHERE l.id = :id
"""
MANY = """
INSERT INTO contact_attempts (company_id, lead_id, user_id, user_name, method, direction, subject, occurred_at, created_at, responded, response_at)
SELECT :company, l.id, (SELECT min(id) FROM users), 'Bench', (ARRAY['email', 'call', 'linkedin'])[1 + l.id % 3], 'outbound', 'News',
  at, at, l.id % 5 = 0, CASE WHEN l.id % 5 = 0 THEN at + interval '3 hours' END
FROM leads l CROSS JOIN LATERAL (SELECT rebound_now() - make_interval(mins => 200 + (l.id % 40000)::int) AS at) t
ORDER BY hashint8(l.id) LIMIT 50000
"""


def _sign_in(port: int) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/login")
    answer = connection.getresponse()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    assert token
    body = urllib.parse.urlencode({"csrf_token": token[1], "email": "bench@example.com", "password": PASSWORD})
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 303, answer.status
    return {"Cookie": (answer.headers["Set-Cookie"] or cookie).partition(";")[0]}


def run(world: World, source: Seeded) -> Iterator[Job]:
    with world.clone(source) as name:
        with sa.create_engine(world.url_of(name), isolation_level="AUTOCOMMIT").connect() as connection:
            long_id, short_id = connection.execute(sa.text("SELECT max(id), min(id) FROM leads")).one()
            with world.app(name).app_context():
                user = {"hash": hash_password(PASSWORD)}
            connection.execute(
                sa.text("UPDATE users SET password_hash = :hash WHERE email = 'bench@example.com'"), user
            )
            connection.execute(sa.text(CONTACTED))
            connection.execute(sa.text(HISTORY), {"id": long_id, "entries": ENTRIES})
            connection.execute(sa.text(MANY), {"company": source.company_id})
            connection.execute(
                sa.text("SELECT count(*) FROM contact_recount(ARRAY[CAST(:id AS bigint)])"), {"id": long_id}
            )
            for table in ("leads", "contact_attempts"):
                connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
            connection.exec_driver_sql("CHECKPOINT")
        yield from _tables(world, source, name)
        yield from _pages(world, name, long_id, short_id)


def _tables(world: World, source: Seeded, name: str) -> Iterator[Job]:
    with world.in_app(name) as session:
        size = f"{source.leads:,}"

        def page(text: str) -> float:
            session.rollback()
            return timed(lambda: find_page(Scope(source.company_id, 1, "UTC"), LeadFilter.from_query(text)))

        for label, text in (
            ("not contacted in 30 days", "not_contacted_days=30"),
            ("the same, longest ago first", "not_contacted_days=30&sort=contacted"),
            ("the same, by last contact", "not_contacted_days=30&sort=-contacted"),
            ("the same, by name", "not_contacted_days=30&sort=name"),
            ("not contacted in 100 days (1 in 1,000)", "not_contacted_days=100"),
            ("free to contact now by email", "free=email"),
            ("contacted by me", "contacted_by=me"),
        ):
            yield Job(label, "p95 < 80 ms", size=size).run(lambda text=text: page(text), None, 9)  # type: ignore[misc]
        today = today_of(source.company_id)
        f = OutreachFilter(today - timedelta(days=29), today)
        yield Job("outreach report, 30 days", "page < 200 ms", size="50,000 contacts").run(
            lambda: timed(lambda: get_outreach(source.company_id, f)), None, 5
        )


def _pages(world: World, name: str, long_id: int, short_id: int) -> Iterator[Job]:
    settings = world.settings(name)
    env = {
        "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "SECRET_KEY": settings.secret_key,
        "LOG_FORMAT": "json", "LOG_DIR": str(settings.log_dir), "VAR_DIR": str(settings.var_dir),
    }  # fmt: skip
    with gunicorn("wsgi:app", env) as ours, gunicorn("bench.bare_app:app", env) as bare:
        headers = _sign_in(ours)
        hammer(ours, f"/leads/{long_id}", [b""] * 8, headers, clients=4)
        yield Job(f"lead page, {ENTRIES:,} entries (floor: 3 entries)", "page < 200 ms, flat", size="1").run(
            lambda: hammer(ours, f"/leads/{long_id}", [b""], headers, clients=1),
            lambda: hammer(ours, f"/leads/{short_id}", [b""], headers, clients=1), 9,
        )  # fmt: skip
        poll = f"/leads/{long_id}/live?contact={10**15}&call={10**15}&seen={_seen(ours, long_id, headers)}"
        asked = headers | {"HX-Request": "true"}
        yield Job("timeline poll, nothing new", "15 ms each", rows=1_000, size="1,000").run(
            lambda: hammer(ours, poll, [b""] * 1_000, asked), lambda: hammer(bare, "/nothing", [b""] * 1_000, {})
        )


def _seen(port: int, lead_id: int, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "GET", f"/leads/{lead_id}/live?contact={10**15}&call={10**15}", None, headers | {"HX-Request": "true"}
    )
    text = connection.getresponse().read().decode()
    found = re.search(r"seen=([0-9a-f]+)", text)
    assert found, text[:300]
    return found[1]
