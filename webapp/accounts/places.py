"""Choices of zone and country, and business hours as forms and rows hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CONTINENTS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
NEAR = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "America/Toronto", "America/Vancouver",
    "America/Halifax", "America/Winnipeg", "America/Edmonton", "America/St_Johns",
)  # fmt: skip


@lru_cache(maxsize=1)
def zone_choices() -> dict[str, dict[str, str]]:
    """By group, for a select: the American zones, then those of the world by continent."""
    groups = {"United States and Canada": {name: _zone_label(name) for name in NEAR}, "Everywhere": {"UTC": "UTC"}}
    for name in sorted(available_timezones()):
        area, _, place = name.partition("/")
        if place and area in CONTINENTS and name not in NEAR:
            groups.setdefault(area, {})[name] = _zone_label(name)
    return groups


def _zone_label(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", ", ") if "/" in name else name


@lru_cache(maxsize=1)
def country_choices() -> dict[str, str]:
    """ISO codes for which phone numbers can be read."""
    names = Locale("en").territories
    found = {code: str(names.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS}
    return {"US": found.pop("US"), "CA": found.pop("CA"), **dict(sorted(found.items(), key=lambda pair: pair[1]))}


def hours_of(days: list[int], opens: str, closes: str) -> dict[str, Any]:
    """The same "HH:MM" hours on some weekdays (Monday 0), closed on the others."""
    return {str(day): [opens, closes] if day in days else None for day in range(7)}
