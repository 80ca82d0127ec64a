"""One cell: what is refused, what is cleaned, and the guard that our CSV files put before formulas."""

from __future__ import annotations

import re
import unicodedata

MAX_CELL = 32_767  # what a cell of Excel holds
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NOTHING = frozenset(("", "-", "--", "n/a", "na", "none", "null", "nil", "\\n", "(blank)", "(none)", "(empty)"))
NO_NUMBER = frozenset(
    ("NaN", "Infinity", "-Infinity", "+Infinity", "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!")
)
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u00ad]")
_ISO_DATE = re.compile(r"([+-]?\d{1,6})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}.*)?")
FIRST_YEAR, LAST_YEAR = 1900, 2100  # of dates kept as text: birthdays are among them


class Refused(Exception):
    """The row cannot be taken; the text says why. `outcome` is the row's."""

    def __init__(self, reason: str, outcome: str = "invalid"):
        super().__init__(reason)
        self.reason, self.outcome = reason, outcome


def strip_guard(cell: str) -> str:
    """Take off the apostrophe that a CSV export of ours puts before what a spreadsheet would run."""
    if cell.startswith("'") and cell[1:].lstrip(" ").startswith(FORMULA):
        return cell[1:]
    return cell


def guard(cell: str) -> str:
    return "'" + cell if cell.lstrip(" ").startswith(FORMULA) else cell


def clean(cell: str, column: str) -> str:
    """The cell trimmed, in NFC, without the guard. Raises Refused for what must not reach the database."""
    if cell.isascii() and cell.isprintable() and len(cell) <= MAX_CELL:
        text = strip_guard(cell.strip()) if "'" in cell else cell.strip()
    else:
        if len(cell) > MAX_CELL:
            raise Refused(f"{column}: longer than {MAX_CELL:,} characters")
        if "\x00" in cell:
            raise Refused(f"{column}: holds a NUL character")
        if _SURROGATE.search(cell):
            raise Refused(f"{column}: holds broken Unicode")
        if _CONTROL.search(cell):
            raise Refused(f"{column}: holds control characters")
        text = unicodedata.normalize("NFC", strip_guard(cell)).strip().strip("\ufeff\u200b").strip()
    if text in NO_NUMBER:
        raise Refused(f"{column}: holds {text}")
    return text


def check_date(text: str, column: str) -> None:
    """Refuse a date that no person alive means."""
    found = _ISO_DATE.fullmatch(text)
    if found and not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        raise Refused(f"{column}: the year {found[1]} is outside {FIRST_YEAR} to {LAST_YEAR}")


def one_line(text: str) -> str:
    return " ".join(text.split()) if not text.isprintable() or "  " in text else text


def visible(text: str) -> str:
    return text if text.isascii() else _UNSEEN.sub("", text).strip()


def typed(text: str) -> str:
    """For phones, addresses and the like: without invisible characters, and empty when it says "n/a"."""
    text = visible(text)
    return "" if text.lower() in NOTHING else text


def coded(text: str) -> str:
    """For statuses: as `typed`, but NA is a dialer's code for no answer."""
    text = visible(text)
    return text if text.lower() == "na" else typed(text)


def storable(cell: str) -> str:
    """As much of a refused cell as the database can keep."""
    if "\x00" in cell or _SURROGATE.search(cell):
        cell = _SURROGATE.sub("\ufffd", cell.replace("\x00", "\ufffd"))
    return cell[: MAX_CELL + 1]
