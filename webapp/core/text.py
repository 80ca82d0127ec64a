"""Words for numbers, times and phones: template filters shared by pages, PDFs and mails."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from flask import has_request_context
from flask_login import current_user
from markupsafe import Markup

from webapp.core import clock


def _zone() -> str:
    return current_user.zone_name if has_request_context() and current_user and current_user.is_authenticated else "UTC"


@lru_cache(maxsize=512)
def zone_info(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """ "3 min ago", "in 2 h", "12 Mar"; empty for None."""
    if at is None:
        return ""
    seconds = ((now or clock.now()) - at).total_seconds()
    past, size = seconds >= 0, abs(seconds)
    if size < 45:
        return "just now" if past else "in a moment"
    for limit, unit, name in ((3600, 60, "min"), (86_400, 3600, "h"), (7 * 86_400, 86_400, "d")):
        if size < limit:
            count = max(1, round(size / unit))
            return f"{count} {name} ago" if past else f"in {count} {name}"
    local = at.astimezone(zone_info(_zone()))
    today = (now or clock.now()).astimezone(zone_info(_zone()))
    return f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"


def exact(at: datetime | date | None, zone: str | None = None) -> str:
    """ "Mon 12 Jan 2026, 14:05 EST" in the viewer's zone, or the one given."""
    if at is None:
        return ""
    if not isinstance(at, datetime):
        return f"{at:%a} {at.day} {at:%b %Y}"
    local = at.astimezone(zone_info(zone or _zone()))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"


def when(at: datetime | None) -> Markup:
    """A <time> that reads relatively and tells the exact moment on focus or hover."""
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"), exact(at), ago(at)
    )


def num(value: int | float | Decimal | None) -> str:
    """Grouped with narrow no-break spaces: 1 284."""
    if value is None:
        return "–"
    if isinstance(value, float | Decimal) and value != int(value):
        return f"{value:,.1f}".replace(",", "\u202f")
    return f"{int(value):,}".replace(",", "\u202f")


def percent(part: float | None, whole: float | None = None, digits: int = 1) -> str:
    """ "21.4 %" of a share (0..1), or of part and whole; "–" where the whole is nothing."""
    if part is None or whole == 0:
        return "–"
    share = part if whole is None else part / whole
    return f"{share * 100:.{digits}f} %"


@lru_cache(maxsize=4096)
def phone(value: str | None) -> str:
    """E.164 as people of its country write it; abroad and unreadable ones stay as they are."""
    if not value:
        return ""
    try:
        parsed = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return value
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, style.NATIONAL if parsed.country_code == 1 else style.INTERNATIONAL)


def size(value: int | None) -> str:
    if value is None:
        return "–"
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 lead", "2 leads"."""
    return f"{num(count)} {one if count == 1 else many or one + 's'}"


FILTERS = {
    "ago": ago, "exact": exact, "when": when, "num": num, "percent": percent, "phone": phone, "bytes": size,
    "duration": duration, "plural": plural,
}  # fmt: skip
