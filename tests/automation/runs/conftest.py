"""`world(3)` is a company with a project of three dealerships."""

from __future__ import annotations

from typing import Any

import pytest

from tests.automation.runs.run_world import World


@pytest.fixture
def world(db: Any, set_clock: Any) -> Any:
    return lambda count=3, **facts: World(set_clock, count, **facts)
