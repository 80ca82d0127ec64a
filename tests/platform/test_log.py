"""Log lines carry their context, no personal data, and cannot be forged."""

import json
import logging
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from webapp.config import Settings
from webapp.core import log as platform_log
from webapp.core.log import SharedRotatingFile


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Any]:
    """Call it for the lines written so far, as dictionaries."""
    settings = Settings(
        env="test", database_url="postgresql://x/y", redis_url="redis://x", secret_key="k" * 16, log_dir=tmp_path
    )
    before = logging.getLogger().handlers[:]
    platform_log.configure(settings)

    def read(name: str = "rebound.log") -> list[dict[str, Any]]:
        path = tmp_path / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    yield read
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()


log = structlog.get_logger("tests")


def test_a_line_names_its_event_its_fields_and_its_request(lines: Any) -> None:
    structlog.contextvars.bind_contextvars(request_id="abc123", user_id=7)
    log.info("lead_repaired", lead_id=9, rule="dialed_but_new")
    (line,) = lines()
    assert line["event"] == "lead_repaired"
    assert (line["request_id"], line["user_id"], line["lead_id"]) == ("abc123", 7, 9)
    assert (line["level"], line["logger"]) == ("info", "tests")
    assert line["timestamp"].endswith("Z")


def test_libraries_write_into_the_same_log(lines: Any) -> None:
    logging.getLogger("some.library").warning("went %s", "wrong")
    assert [(line["event"], line["logger"]) for line in lines()] == [("went wrong", "some.library")]


def test_errors_stand_in_a_file_of_their_own_too(lines: Any) -> None:
    log.info("fine")
    log.error("broken")
    assert [line["event"] for line in lines("errors.log")] == ["broken"]
    assert [line["event"] for line in lines()] == ["fine", "broken"]


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": "+12125550123"},
        {"lead_phone": "212-555-0123"},
        {"email": "ann@example.com"},
        {"password": "secret-word"},
        {"csrf_token": "secret-word"},
        {"api_key": "secret-word"},
        {"authorization": "Bearer secret-word"},
        {"message_body": "secret-word"},
        {"request": {"headers": [{"cookie": "secret-word"}]}},
        {"text": "mail from ann@example.com came back"},
        {"text": "call +1 212 555 0123 now"},
        {"text": "call (212) 555-0123 now"},
        {"url": "postgresql://rebound:secret-word@db/rebound"},
        {"header": "Bearer secret-word"},
    ],
    ids=lambda fields: next(iter(fields)) + " " + str(next(iter(fields.values())))[:12],
)
def test_personal_data_and_secrets_are_taken_out(lines: Any, fields: dict[str, Any]) -> None:
    log.warning("seen", **fields)
    (line,) = lines()
    del line["timestamp"]  # whose fractions of a second may be any digits
    for part in ("555", "ann@", "secret-word"):
        assert part not in json.dumps(line)


def test_personal_data_in_a_trace_is_taken_out(lines: Any) -> None:
    try:
        raise ValueError("Key (email)=(ann@example.com) already exists.\n2026-01-01 [info] forged line")
    except ValueError:
        log.exception("insert_failed")
    (line,) = lines()
    assert "ann@" not in line["exception"]
    assert "ValueError" in line["exception"]
    assert all(part.startswith("  ") for part in line["exception"].splitlines())


def test_what_a_visitor_sends_cannot_start_a_line_or_colour_a_terminal(lines: Any, capsys: Any) -> None:
    logging.getLogger().handlers[-3].setLevel(logging.INFO)
    log.error("refused", path="/x\r\n2026-01-01 [info] forged \x1b[31mred\x9b2J \u202e\u2028", **{"odd\nkey": 1})
    (line,) = lines()
    assert "\\r\\n2026" in line["path"]
    for character in "\r\n\x1b\x9b\u202e\u2028":
        assert character not in line["path"]


def test_numbers_and_ids_stay_as_they_are(lines: Any) -> None:
    log.info("counted", total=2125550123, when="2026-11-21T10:00:00Z", run="run-7-0", share=0.5, sent=None, ok=True)
    (line,) = lines()
    assert (line["total"], line["when"], line["run"]) == (2125550123, "2026-11-21T10:00:00Z", "run-7-0")
    assert (line["share"], line["sent"], line["ok"]) == (0.5, None, True)


def _write(path: Path, name: str, count: int) -> None:
    handler = SharedRotatingFile(path, size=20_000, kept=50)
    for number in range(count):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, f"{name} {number} {'-' * 60}", (), None))
    handler.close()


def test_processes_that_share_a_log_lose_no_line_when_it_turns(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(tmp_path / "log", name, 600)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    files = [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")]
    seen = sorted(tuple(line.split()[:2]) for path in files for line in path.read_text().splitlines())
    assert seen == sorted((name, str(number)) for name in "abc" for number in range(600))
    assert len(files) > 3
