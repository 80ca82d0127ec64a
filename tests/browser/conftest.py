"""Patience for pages that follow work in another process."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

DEFAULT, PATIENT = 5_000, 30_000  # ms


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    expect.set_options(timeout=PATIENT)
    yield
    expect.set_options(timeout=DEFAULT)
