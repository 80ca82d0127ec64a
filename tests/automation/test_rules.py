"""What a run decides, without a database: retries, hours, distances, when it stops by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.automation.engine.failures import ORDER, FailureType, first_of
from webapp.automation.rules import (
    RetryConfig,
    Window,
    blocks_captchas,
    is_high,
    miles_between,
    next_retry,
    should_pause,
)

SEED = RetryConfig()
F = FailureType


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        (F.SUBMISSION_FAILED, [60, 120, 240, None]),
        (F.JAVASCRIPT_ERROR, [60, 120, 240, None]),
        (F.BROWSER_CRASH, [60, 120, 240, None]),
        (F.PAGE_TIMEOUT, [30, 30, None]),
        (F.NETWORK_ERROR, [10, 10, 10, 10, 10, None]),
        (F.FORM_NOT_FOUND, [300, None]),
        (F.CAPTCHA_DETECTED, [None]),
        (F.BOT_DETECTION, [None]),
        (F.IP_BLOCKED, [None]),
    ],
)
def test_each_failure_is_tried_again_as_often_and_as_late_as_the_seeds_table_says(
    kind: FailureType, seconds: list[int | None]
) -> None:
    waits = [next_retry(kind, n, SEED) for n in range(1, len(seconds) + 1)]
    assert waits == [timedelta(seconds=s) if s is not None else None for s in seconds]


def test_jitter_only_adds_and_at_most_a_tenth() -> None:
    assert next_retry(F.SUBMISSION_FAILED, 1, SEED, chance=1.0) == timedelta(seconds=66)
    assert next_retry(F.PAGE_TIMEOUT, 1, SEED, chance=0.5) == timedelta(seconds=31.5)


def test_a_site_that_says_when_to_come_back_is_obeyed() -> None:
    assert next_retry(F.RATE_LIMITED, 1, SEED, retry_after=900) == timedelta(seconds=900)
    assert next_retry(F.RATE_LIMITED, 1, SEED, retry_after=5) == timedelta(seconds=60)
    assert next_retry(F.RATE_LIMITED, 1, SEED, retry_after=10**9) == timedelta(hours=24)


@pytest.mark.parametrize("submission", ["confirmed", "rejected", "unconfirmed"])
def test_what_may_have_been_sent_is_never_sent_again_by_itself(submission: str) -> None:
    generous = RetryConfig.from_json({"max_attempts": 50})
    assert next_retry(F.SUBMISSION_FAILED, 1, generous, submission=submission) is None
    assert next_retry(F.SUBMISSION_FAILED, 1, generous, submission="not_sent") is not None


@pytest.mark.parametrize("kind", [F.CAPTCHA_DETECTED, F.BOT_DETECTION, F.IP_BLOCKED])
def test_no_project_can_make_the_machine_try_at_a_wall_again(kind: FailureType) -> None:
    stubborn = RetryConfig.from_json({"retry_strategies": {kind.value: {"max_attempts": 9, "delay": 1}}})
    assert next_retry(kind, 1, stubborn) is None


def test_a_projects_own_table_replaces_the_seeds_line_by_line() -> None:
    mine = RetryConfig.from_json(
        {
            "base_delay": 10,
            "exponential_backoff": False,
            "retry_strategies": {"form_not_found": {"max_attempts": 2, "delay": 5}},
        }
    )
    assert [next_retry(F.FORM_NOT_FOUND, n, mine) for n in (1, 2, 3)] == [
        timedelta(seconds=5),
        timedelta(seconds=5),
        None,
    ]
    assert [next_retry(F.FIELD_NOT_FOUND, n, mine) for n in (1, 2)] == [timedelta(seconds=10)] * 2
    assert next_retry(F.PAGE_TIMEOUT, 1, mine) == timedelta(seconds=30)
    assert RetryConfig.from_json(mine.to_json()) == mine


def test_distances_are_great_circle_miles() -> None:
    new_york, los_angeles = (40.7128, -74.0060), (34.0522, -118.2437)
    assert miles_between(*new_york, *los_angeles) == pytest.approx(2445.6, abs=1)
    assert miles_between(0, 179.9, 0, -179.9) == pytest.approx(13.8, abs=0.1)
    assert miles_between(90, 0, -90, 0) == pytest.approx(3958.7613 * 3.14159265, abs=0.1)
    assert miles_between(1, 1, 1, 1) == 0


def window(open: str = "09:00", close: str = "17:00", days: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Window:
    return Window.parse(open, close, days, "America/New_York")


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-06-10T14:00Z", "2026-06-10T14:00Z"),  # Wednesday, 10:00 there
        ("2026-06-10T12:59Z", "2026-06-10T13:00Z"),
        ("2026-06-10T21:00Z", "2026-06-11T13:00Z"),  # closed at 17:00 sharp
        ("2026-06-12T22:00Z", "2026-06-15T13:00Z"),  # Friday evening: Monday
        ("2026-10-30T22:00Z", "2026-11-02T14:00Z"),  # over the change of the clocks
    ],
)
def test_a_window_opens_on_the_projects_own_clock(now: str, opens: str) -> None:
    at = datetime.fromisoformat(now)
    assert window().opens_at(at) == datetime.fromisoformat(opens)


def test_a_window_whose_ends_are_equal_is_open_all_day() -> None:
    night = datetime(2026, 6, 10, 3, 30, tzinfo=UTC)
    assert window("00:00", "00:00", tuple(range(7))).opens_at(night) == night
    assert window("09:00", "09:00", (6,)).opens_at(night) == datetime(2026, 6, 14, 4, 0, tzinfo=UTC)


def test_a_run_pauses_itself_when_most_of_its_last_twenty_attempts_failed() -> None:
    assert not should_pause([True] * 19)
    assert should_pause([True] * 16 + [False] * 4)
    assert not should_pause([True] * 15 + [False] * 5)
    assert should_pause([True] * 16 + [False] * 4 + [False] * 100)


def test_a_failure_rate_means_something_from_ten_attempts_on() -> None:
    assert not is_high(9, 9)
    assert not is_high(10, 5)
    assert is_high(10, 6)


def test_captchas_block_when_three_come_in_a_row_or_five_in_a_run() -> None:
    c = "captcha_detected"
    assert blocks_captchas([c, c, c])
    assert not blocks_captchas([c, c, "", c])
    assert blocks_captchas(["", c, c, c, ""]), "between two looks others have ended"
    assert not blocks_captchas(["", c, c, "page_timeout", c, c])
    assert blocks_captchas([c, "", c, "", c, "", c, "", c])
    assert not blocks_captchas([])


def test_the_order_of_failures_names_all_sixteen_and_the_first_wins() -> None:
    assert len(ORDER) == 16
    assert first_of([F.SUBMISSION_FAILED, F.CAPTCHA_DETECTED, F.RATE_LIMITED]) is F.RATE_LIMITED
    assert next(iter(FailureType)) is F.BROWSER_CRASH
    assert list(FailureType)[-1] is F.SUBMISSION_FAILED
