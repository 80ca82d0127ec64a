"""What a form gives of a project and of its contact request, and how many rows there are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from webapp.automation.places import Place
from webapp.automation.service.projects import Facts
from webapp.automation.service.requests import RequestFacts
from webapp.core.db import db as database

COLUMBUS = Place(39.9671, -83.0044, "43215", "Columbus, OH")


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {
        "name": "Spring", "place": COLUMBUS, "radius_miles": 50, "window_open": "09:00", "window_close": "17:00",
        "window_days": [0, 1, 2, 3, 4], "zone": "America/New_York", "host_gap_seconds": 60, "per_minute": 20, "parallel_pages": 2,
        "dry_run": True, "auto_pause": True,
    }  # fmt: skip
    return Facts(**given | changes)


def said(**changes: Any) -> RequestFacts:
    given = {"first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.com", "message": "Is it there?"}
    return RequestFacts(**given | changes)


def count(model: Any) -> int:
    return database.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
