"""An alert told to an office, the noon that its deliveries are counted from, and the address that its links begin with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.notifications.conftest import Office
from webapp.notifications.models import Notification
from webapp.notifications.service import notify

Clock = Callable[[datetime], None]
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BASE = "http://localhost"


def tell(office: Office, kind: str = "completion", title: str = "Run 7 finished", **facts: Any) -> Notification:
    note = notify(office.company_id, kind, title, **facts)
    assert note is not None
    return note
