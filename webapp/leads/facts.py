"""The facts of a lead that a person may write: labels, and their one normal form."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import phonenumbers
from phonenumbers import timezone

TEXTS = {
    "first_name": "First name", "last_name": "Last name", "business": "Business", "title": "Title",
    "phone": "Phone", "extension": "Extension", "email": "Email", "website": "Website",
    "linkedin_url": "LinkedIn", "city": "City", "state": "State", "postal_code": "Postal code",
    "country": "Country", "zone": "Time zone", "source": "Source",
}  # fmt: skip
LABELS = TEXTS | {"owner_id": "Owner", "tags": "Tags", "list_id": "List", "custom": "Custom fields", "status": "Status"}
NULLABLE = ("phone", "email", "zone")
MAX_TEXT = 300
MAX_TAGS = 50
MAX_TAG = 60


def clean_text(value: str | None) -> str:
    """One line without control characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", value or "").split())[:MAX_TEXT]


def parse_phone(value: str, country: str) -> str | None:
    """E.164, or None when no such number can exist."""
    try:
        parsed = phonenumbers.parse(value, (country or "US").upper())
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def clean_tag(value: str) -> str:
    return clean_text(value.replace(",", " ").replace(";", " "))[:MAX_TAG].strip()


def parse_tags(value: str) -> list[str]:
    """Separated by commas or semicolons, in order, each once whatever its case."""
    found: dict[str, str] = {}
    for part in re.split(r"[,;\n]", value or ""):
        if tag := clean_tag(part):
            found.setdefault(tag.lower(), tag)
    return list(found.values())[:MAX_TAGS]


def same(column: str, before: Any, after: Any) -> bool:
    return (before or None) == (after or None) if column not in ("tags", "custom") else (before or []) == (after or [])


@lru_cache(maxsize=4096)
def guess_zone(phone: str | None, postal_code: str, country: str) -> str | None:
    """The IANA zone of a postal code of the US, else of the phone's area where it has but one."""
    if country.upper() in ("", "US") and re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", postal_code):
        import zipcodes  # its table loads on import and takes a second

        found = zipcodes.matching(postal_code[:5])  # type: ignore[no-untyped-call]
        if found and found[0].get("timezone"):
            return str(found[0]["timezone"])
    if not phone:
        return None
    try:
        zones = timezone.time_zones_for_number(phonenumbers.parse(phone, None))
    except phonenumbers.NumberParseException:
        return None
    known = [zone for zone in zones if zone != "Etc/Unknown"]
    return known[0] if len(known) == 1 else None
