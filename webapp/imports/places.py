"""Country, state, postal code and time zone of a row. Pure; the tables load on first use."""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from phonenumbers import timezone

from webapp.imports.tables import COUNTRY_ALIASES, US_STATES, ZONE_ALIASES, normal_header


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    regions = phonenumbers.SUPPORTED_REGIONS
    names = {normal_header(str(name)): code for code, name in Locale("en").territories.items() if code in regions}
    return {**names, **{code.lower(): code for code in regions}, **COUNTRY_ALIASES}


@lru_cache(maxsize=4096)
def find_country(text: str) -> str | None:
    """ISO 3166 code of a code or an English name; None when unknown."""
    return _countries().get(normal_header(text))


@lru_cache(maxsize=4096)
def normal_state(text: str, country: str) -> str:
    if country == "US" and (code := US_STATES.get(normal_header(text))):
        return code
    return text.upper() if len(text) == 2 and text.isalpha() else text


def normal_postal_code(text: str, country: str) -> str:
    """Spreadsheets drop the zero of 02139 and add ".0"."""
    if country != "US":
        return text.upper()
    text = text.removesuffix(".0")
    if text.isdigit() and 3 <= len(text) <= 4:
        return text.zfill(5)
    return f"{text[:5]}-{text[5:]}" if text.isdigit() and len(text) == 9 else text


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() if "/" in name or name == "UTC"}


@lru_cache(maxsize=4096)
def find_zone(text: str) -> str | None:
    """IANA name of a zone given by its name, with or without the right case, or by a usual abbreviation."""
    known = _zones().get(text.lower().replace(" ", "_"))
    return known or ZONE_ALIASES.get(normal_header(text.split("(")[0]))


_ISLANDS = ("AS", "FM", "GU", "MH", "MP", "PW", "VI")


@lru_cache(maxsize=1)
def _zip_zones() -> dict[str, str]:
    """State by state: the whole table at once would need 60 MB."""
    import zipcodes

    return {
        entry["zip_code"]: intern(entry["timezone"])
        for state in (*US_STATES.values(), *_ISLANDS)
        for entry in zipcodes.filter_by_state(state)  # type: ignore[no-untyped-call]
        if entry["timezone"]
    }


def zone_of_postal_code(postal_code: str, country: str) -> str | None:
    return _zip_zones().get(postal_code[:5]) if country == "US" and postal_code else None


_by_prefix: dict[str, str | None] = {}


def zone_of_phone(phone: str) -> str | None:
    """The one zone a number can be in; None for several (toll-free, mobile numbers of wide countries)."""
    # North American zones hang on the area code and exchange alone.
    prefix = phone[:8] if phone.startswith("+1") else phone
    if prefix not in _by_prefix:
        if len(_by_prefix) > 50_000:
            _by_prefix.clear()
        found = timezone.time_zones_for_number(phonenumbers.parse(phone, None))
        _by_prefix[prefix] = found[0] if len(found) == 1 and found[0] != "Etc/Unknown" else None
    return _by_prefix[prefix]
