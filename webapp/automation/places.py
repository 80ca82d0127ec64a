"""Where a US postal code lies, and what a person types for a place. Pure; the table loads on first use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians
from sys import intern

from webapp.imports.tables import US_STATES

_STATES = frozenset((*US_STATES.values(), "AS", "FM", "GU", "MH", "MP", "PW", "VI"))
_NUMBER = r"[+-]?\d{1,3}(?:\.\d{1,12})?"
_POINT = re.compile(rf"\s*({_NUMBER})\s*[,; ]\s*({_NUMBER})\s*", re.ASCII)
_ZIP = re.compile(r"\s*(\d{5})(?:-?\d{4})?\s*", re.ASCII)
MILES_A_DEGREE = 69.0  # of latitude, at the least: a box of bounds is never too small


class PlaceUnknown(ValueError):
    """The text tells the person what can be given."""


@dataclass(frozen=True, slots=True)
class Place:
    """`postal_code` is empty for a place that was given as coordinates; `name` as in "Columbus, OH"."""

    lat: float
    lng: float
    postal_code: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A box around a circle; `west` > `east` when it crosses the 180th meridian."""

    south: float
    north: float
    west: float
    east: float


@lru_cache(maxsize=1024)
def _zips(prefix: str) -> dict[str, tuple[float, float, str]]:
    """Those that begin with three digits: the whole table at once would need 60 MB. Military post has no place."""
    import zipcodes  # its table loads on import

    return {
        entry["zip_code"]: (float(entry["lat"]), float(entry["long"]), intern(f"{entry['city']}, {entry['state']}"))
        for entry in zipcodes.similar_to(prefix)  # type: ignore[no-untyped-call]
        if entry["state"] in _STATES and (float(entry["lat"]), float(entry["long"])) != (0.0, 0.0)
    }


def place_of(postal_code: str) -> tuple[float, float] | None:
    """(latitude, longitude) of a ZIP, with or without its four more digits; None when it cannot be placed."""
    found = find_zip(postal_code)
    return (found.lat, found.lng) if found else None


def find_zip(postal_code: str) -> Place | None:
    given = _ZIP.fullmatch(postal_code or "")
    known = _zips(given[1][:3]).get(given[1]) if given else None
    return Place(known[0], known[1], given[1], known[2]) if given and known else None


def parse_point(text: str) -> tuple[float, float] | None:
    """ "39.96, -83.00" as (39.96, -83.0); None for what is no pair of coordinates on this earth."""
    given = _POINT.fullmatch(text or "")
    if given is None:
        return None
    lat, lng = float(given[1]), float(given[2])
    return (lat, lng) if abs(lat) <= 90 and abs(lng) <= 180 else None


def find_place(text: str) -> Place | None:
    """A ZIP or coordinates as a place; None for empty text. Raises PlaceUnknown."""
    if not (text or "").strip():
        return None
    if point := parse_point(text):
        return Place(round(point[0], 8), round(point[1], 8))
    if _ZIP.fullmatch(text):
        found = find_zip(text)
        if found is None:
            raise PlaceUnknown(f"The postal code {text.strip()} is not known. Give coordinates such as 39.96, -83.00.")
        return found
    if re.fullmatch(r"[\s\d.,;+-]+", text):
        raise PlaceUnknown("These are no coordinates. Latitude goes from -90 to 90, longitude from -180 to 180: 39.96, -83.00.")  # fmt: skip
    raise PlaceUnknown("Give a US postal code such as 43215, or coordinates such as 39.96, -83.00.")


def bounds(lat: float, lng: float, miles: float) -> Bounds:
    """A box that holds every place within `miles`; all longitudes where the circle holds a pole."""
    high = miles / MILES_A_DEGREE
    south, north = lat - high, lat + high
    if south <= -90 or north >= 90:
        return Bounds(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
    wide = miles / (MILES_A_DEGREE * cos(radians(max(abs(south), abs(north)))))
    if wide >= 180:
        return Bounds(south, north, -180.0, 180.0)
    west, east = lng - wide, lng + wide
    return Bounds(south, north, west + 360 if west < -180 else west, east - 360 if east > 180 else east)
