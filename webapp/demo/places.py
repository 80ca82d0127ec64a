"""Where demo leads are: a phone's area code fits its town, postal code and time zone."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from typing import NamedTuple

NUMBERS = 100  # 555-0100 to 555-0199 of each area code belong to nobody
TOWNS = 12  # of each area code, the ones with the most postal codes
STATES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD "
    "TN TX UT VT VA WA WV WI WY".split()
)


class Place(NamedTuple):
    city: str
    state: str
    postal_code: str
    zone: str


@lru_cache(maxsize=1)
def area_codes() -> tuple[tuple[str, tuple[Place, ...]], ...]:
    """Every area code of the United States with postal codes of its larger towns, in a fixed order."""
    import zipcodes

    found: dict[str, list[Place]] = defaultdict(list)
    for row in zipcodes.list_all():  # type: ignore[no-untyped-call]
        if row["active"] and row["zip_code_type"] == "STANDARD" and row["state"] in STATES and row["timezone"]:
            place = Place(row["city"], row["state"], row["zip_code"], row["timezone"])
            for code in row["area_codes"]:
                found[code].append(place)
    result = []
    for code in sorted(found):
        # A postal code on a border lists the codes of both sides.
        home = Counter(place.state for place in found[code]).most_common(1)[0][0]
        sizes = Counter(place.city for place in found[code] if place.state == home)
        towns = set(sorted(sizes, key=lambda town: (-sizes[town], town))[:TOWNS])
        result.append((code, tuple(sorted(p for p in found[code] if p.state == home and p.city in towns))))
    return tuple(result)


def slots() -> int:
    return len(area_codes()) * NUMBERS


def phone_and_places(slot: int) -> tuple[str, tuple[Place, ...]]:
    """The phone of one slot, different for every slot, and where it may be."""
    code, places = area_codes()[slot // NUMBERS]
    return f"+1{code}55501{slot % NUMBERS:02}", places
