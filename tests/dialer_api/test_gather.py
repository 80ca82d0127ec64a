"""Single events of one moment share a transaction, and none suffers for another."""

import threading
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from webapp.dialer import gather
from webapp.dialer.gather import Gatherer
from webapp.dialer.service import Outcome
from webapp.serve.children import wait_until


class Recorder:
    """Stands in for record_events; its first call waits until it is let go."""

    def __init__(self, *, poison: str = "") -> None:
        self.batches: list[list[str]] = []
        self.free = threading.Event()
        self.poison = poison

    def __call__(self, company_id: int, events: list[dict[str, Any]], *, source: str) -> list[Outcome]:
        self.batches.append([event["event_id"] for event in events])
        if len(self.batches) == 1:
            assert self.free.wait(10)
        if self.poison in self.batches[-1] and len(events) > 1:
            raise SQLAlchemyError(self.poison)
        return [Outcome(event["event_id"], "applied") for event in events]


def send(gatherer: Gatherer, company_id: int, name: str, got: dict[str, Any]) -> threading.Thread:
    def run() -> None:
        got[name] = gatherer.record(company_id, {"event_id": name}).event_id

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def run_five(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(gather, "PATIENCE", 10)
    gatherer, got = Gatherer(recorder), {}
    threads = [send(gatherer, 1, "first", got)]
    assert wait_until(lambda: len(recorder.batches) == 1, 10)
    threads += [send(gatherer, 1, name, got) for name in "abcd"]
    assert wait_until(lambda: len(gatherer._lanes[1].waiting) == 4, 10)
    recorder.free.set()
    for thread in threads:
        thread.join(10)
    return got


def test_what_comes_while_one_is_recorded_goes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    got = run_five(recorder, monkeypatch)
    assert got == {name: name for name in ("first", *"abcd")}
    assert [sorted(batch) for batch in recorder.batches] == [["first"], ["a", "b", "c", "d"]]


def test_a_batch_that_fails_is_tried_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(poison="b")
    got = run_five(recorder, monkeypatch)
    assert got == {name: name for name in ("first", *"abcd")}
    assert sorted(batch for batch in recorder.batches[2:]) == [["a"], ["b"], ["c"], ["d"]]


def test_another_company_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, got = Recorder(), {}
    gatherer = Gatherer(recorder)
    slow = send(gatherer, 1, "slow", got)
    assert wait_until(lambda: len(recorder.batches) == 1, 10)
    send(gatherer, 2, "other", got).join(10)
    assert got == {"other": "other"}
    recorder.free.set()
    slow.join(10)


def test_nobody_waits_long_for_one_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "PATIENCE", 0.01)
    recorder, got = Recorder(), {}
    gatherer = Gatherer(recorder)
    stuck = send(gatherer, 1, "stuck", got)
    assert wait_until(lambda: len(recorder.batches) == 1, 10)
    send(gatherer, 1, "next", got).join(10)
    assert got == {"next": "next"}
    recorder.free.set()
    stuck.join(10)
    assert got["stuck"] == "stuck"
