"""Over HTTP, under the product's own gunicorn: one event a request, and a poll that has nothing new."""

from __future__ import annotations

import concurrent.futures
import hashlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from bench.clock import Job
from bench.world import Seeded, World
from webapp.config import ROOT

BARE = Path(__file__).with_name("bare_app.py")
KEY = "rb_00000000_" + "k" * 43


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def gunicorn(target: str, env: dict[str, str]) -> Iterator[int]:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "4", "-b", f"127.0.0.1:{port}",
         "--log-level", "error", target],
        cwd=ROOT, env=os.environ | env,
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(15)


def hammer(port: int, path: str, bodies: list[bytes], headers: dict[str, str], clients: int = 8) -> float:
    """Seconds for all bodies (None: GET) over `clients` kept connections; any answer but 2xx is a failure."""
    shares = [bodies[i::clients] for i in range(clients)]

    def client(share: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for body in share:
            connection.request("POST" if body else "GET", path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status < 300, (answer.status, path)
        connection.close()

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, shares))
    return time.perf_counter() - start


def run(world: World, source: Seeded) -> Iterator[Job]:
    count = 3_000
    numbers = itertools.count(1)
    with world.clone(source) as name:
        settings = world.settings(name)
        engine = sa.create_engine(world.url_of(name))
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO api_keys (company_id, name, prefix, token_hash, scopes) VALUES (:c, 'bench', 'rb_00000000', :h, :s)"
                ),
                {"c": source.company_id, "h": hashlib.sha256(KEY.encode()).hexdigest(), "s": ["calls:write"]},
            )
            ids = connection.execute(sa.text("SELECT id FROM leads ORDER BY hashint8(id) LIMIT 20000")).scalars().all()
        engine.dispose()
        env = {
            "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "SECRET_KEY": settings.secret_key,
            "LOG_FORMAT": "json", "LOG_DIR": str(settings.log_dir), "VAR_DIR": str(settings.var_dir),
        }  # fmt: skip
        leads = itertools.cycle(ids)

        def bodies() -> list[bytes]:
            return [
                json.dumps({"provider": "http", "event_id": f"h{n}", "call_id": f"h{n}", "lead_id": next(leads), "type": "ended",
                            "call_status": "busy", "occurred_at": "2026-06-01T10:00:00Z"}).encode()
                for n in itertools.islice(numbers, count)
            ]  # fmt: skip

        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        with gunicorn("wsgi:app", env) as ours, gunicorn("bench.bare_app:app", env) as bare:
            hammer(ours, "/api/v1/calls/events", bodies()[:200], headers)
            hammer(bare, "/events", bodies()[:200], headers)
            yield Job("single event over HTTP", "1.43 x (70 % of a bare insert)", rows=count, size=f"{count:,}").run(
                lambda: hammer(ours, "/api/v1/calls/events", bodies(), headers),
                lambda: hammer(bare, "/events", bodies(), headers),
            )
            yield Job("health poll", "15 ms", rows=count, size=f"{count:,}").run(
                lambda: hammer(ours, "/healthz", [b""] * count, {}), lambda: hammer(bare, "/nothing", [b""] * count, {})
            )
