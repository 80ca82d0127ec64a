"""The guard under a race, through HTTP, two processes of the real server: one passes, the others are told who won.

REBOUND_RACES=200 runs the races as often as the issue asks; the suite runs fewer.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import pytest
import sqlalchemy as sa

from tests.api.keys import make_key
from tests.factories import make_lead
from tests.faults.support import at_once
from tests.harness.workers import environment
from tests.timeline.conftest import Place
from webapp.config import ROOT
from webapp.core.db import db as database
from webapp.serve.children import wait_until
from webapp.timeline import service
from webapp.timeline.models import ContactAttempt, GuardNotice, OutreachRule
from webapp.timeline.service import Draft

ROUNDS = int(os.environ.get("REBOUND_RACES", "6"))
AT_ONCE = 50


class Reply:
    def __init__(self, status: int, body: bytes) -> None:
        self.status_code, self.body = status, body

    def json(self) -> Any:
        return json.loads(self.body)


def post(port: int, lead_id: int, body: dict[str, Any], key: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/v1/leads/{lead_id}/contacts", json.dumps(body), headers)
    answer = connection.getresponse()
    reply = Reply(answer.status, answer.read())
    connection.close()
    return reply


Fire = Callable[[list[tuple[Any, dict[str, Any]]]], list[Any]]


@pytest.fixture(scope="module")
def address(settings: Any, prepared: Any) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "4", "-b", f"127.0.0.1:{port}", "wsgi:app"],
        cwd=ROOT, env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def up() -> bool:
        try:
            return bool(urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).status == 200)
        except OSError:
            return False

    assert wait_until(up, 30)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture
def fire(address: int, place: Place) -> Iterator[Fire]:
    """fire([(lead, body), ...]): all posted at the same moment by reps in turn; the answers."""
    keys = [make_key(place.company, by=user) for user in (place.alice, place.bob, place.boss)]
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def shoot(shots: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
            database.session.commit()
            gate = threading.Barrier(len(shots))

            def send(number: int, lead_id: int, body: dict[str, Any]) -> Reply:
                gate.wait(30)
                return post(address, lead_id, body, keys[number % 3])

            waiting = [pool.submit(send, n, lead.id, body) for n, (lead, body) in enumerate(shots)]
            return [each.result() for each in waiting]

        yield shoot


def written(*leads: Any) -> int:
    database.session.rollback()
    query = sa.select(sa.func.count(ContactAttempt.id)).where(ContactAttempt.lead_id.in_([lead.id for lead in leads]))
    return database.session.scalar(query) or 0


def check_one_won(answers: list[Any], *leads: Any) -> None:
    codes = Counter(answer.status_code for answer in answers)
    assert codes == {201: 1, 429: len(answers) - 1}, codes
    winner = next(answer.json() for answer in answers if answer.status_code == 201)
    for answer in answers:
        if answer.status_code == 429:
            problem = answer.json()
            assert problem["code"] == "contact_cap"
            assert [(shown["id"], shown["who"], shown["subject"]) for shown in problem["contacts"]] == [
                (winner["id"], winner["user"]["name"], winner["subject"])
            ]
    assert written(*leads) == 1


def test_of_fifty_sends_at_once_one_passes_and_the_others_name_it(fire: Fire, place: Place) -> None:
    for round_number in range(ROUNDS):
        lead = make_lead(place.list, email=f"round{round_number}@example.com", phone=None)
        check_one_won(fire([(lead, {"method": "email", "subject": f"Shot {n}"}) for n in range(AT_ONCE)]), lead)


def test_twins_by_phone_and_by_email_share_one_shot(fire: Fire, place: Place) -> None:
    for n in range(max(2, ROUNDS // 2)):
        phone = f"+1212555{n:04}"
        a = make_lead(place.list, phone=phone, email=f"Twin{n}@example.com")
        b = make_lead(place.list, phone=phone, email=f"other{n}@example.com")
        c = make_lead(place.list, phone=None, email=f"tWIN{n}@example.com")
        # b and c are twins of a, not of each other: all three are raced only where they are.
        check_one_won(fire([((a, b)[k % 2], {"method": "email", "subject": str(k)}) for k in range(20)]), a, b)
        again = fire([((a, c)[k % 2], {"method": "sms", "subject": str(k)}) for k in range(20)])
        assert Counter(answer.status_code for answer in again) == {201: 1, 429: 19}


def test_a_bulk_action_beside_single_sends_reaches_each_lead_once(app: Any, fire: Fire, place: Place) -> None:
    leads = [make_lead(place.list, phone=None, email=f"bulk{n}@example.com") for n in range(10)]
    ids, batches = [lead.id for lead in leads], [uuid.uuid4() for _ in range(3)]
    errors: list[BaseException] = []

    def log_all() -> None:
        with app.app_context():
            calls = [
                lambda batch=batch: service.log_many(ids[::-1], Draft("email"), by=place.boss, batch_id=batch)
                for batch in batches
            ]  # type: ignore[misc]
            errors.extend(at_once(app, calls))

    bulk = threading.Thread(target=log_all)
    database.session.commit()
    bulk.start()
    answers = fire([(leads[n % 10], {"method": "email", "subject": str(n)}) for n in range(40)])
    bulk.join(60)
    assert (errors, bulk.is_alive()) == ([], False)
    assert {answer.status_code for answer in answers} <= {201, 429}
    database.session.rollback()
    per_lead = database.session.execute(
        sa.select(ContactAttempt.lead_id, sa.func.count()).where(ContactAttempt.lead_id.in_(ids)).group_by(ContactAttempt.lead_id)
    )  # fmt: skip
    assert sorted(tuple(row) for row in per_lead) == [(lead_id, 1) for lead_id in sorted(ids)]


def test_one_token_in_ten_hands_passes_once(fire: Fire, place: Place, address: int) -> None:
    database.session.add(
        OutreachRule(company_id=place.company.id, method="email", cap_count=None, cap_hours=24, warn_days=7)
    )
    service.log_contact(place.lead.id, Draft("email"), by=place.alice)
    warned = service.log_contact(place.lead.id, Draft("email"), by=place.bob)
    body = {"method": "email", "override_token": warned.token, "reason": "agreed"}
    key = make_key(place.company, by=place.bob)
    database.session.commit()
    gate = threading.Barrier(10)

    def send(_n: int) -> int:
        gate.wait(30)
        return post(address, place.lead.id, body, key).status_code

    with ThreadPoolExecutor(10) as pool:
        assert Counter(pool.map(send, range(10))) == {201: 1, 409: 9}
    database.session.rollback()
    assert (
        database.session.scalar(sa.select(sa.func.count(GuardNotice.id)).where(GuardNotice.state == "overridden")) == 1
    )


def test_overlapping_people_never_wait_for_each_other_in_a_circle(app: Any, place: Place) -> None:
    """Chains of twins, taken in different orders by many at once."""
    leads = [
        make_lead(place.list, phone=f"+1212555{n // 2:04}", email=f"chain{(n + 1) // 2}@example.com") for n in range(12)
    ]
    ids = [lead.id for lead in leads]
    orders = [ids, ids[::-1], ids[::2] + ids[1::2], ids[6:] + ids[:6]] * 2
    errors = at_once(
        app, [lambda order=order: service.log_many(order, Draft("email"), by=place.boss, batch_id=uuid.uuid4()) for order in orders]  # type: ignore[misc]
    )  # fmt: skip
    assert errors == []
    assert 0 < written(*leads) <= 6
