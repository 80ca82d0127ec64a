"""One row of a lead file: what it says, or why it is refused. Pure: no session, no Flask, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import ValidationResult

from webapp.dialer.results import STATUS_OF_CALL
from webapp.imports import places
from webapp.imports.cells import Refused, check_date, clean, coded, one_line, typed
from webapp.imports.tables import CALL_CODES
from webapp.leads.states import LEAD

MAX_TEXT = 500  # characters of a name, city and the like
MAX_TAGS, MAX_TAG = 50, 60
_DOT_ATOM = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_SCIENTIFIC = re.compile(r"\d[.,]\d+[eE]\+?\d+")
_PLAIN_US = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9]\d\d)\)?[ .-]?([2-9]\d\d)[ .-]?(\d{4})")
_LENGTHS = (
    ValidationResult.TOO_SHORT, ValidationResult.TOO_LONG, ValidationResult.INVALID_LENGTH,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are read. `columns`: (index, header, field); `owners`: lower-case name or email -> user id."""

    columns: tuple[tuple[int, str, str], ...]
    width: int
    country: str = "US"
    need_phone: bool = True
    owners: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    tags: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(name for _, _, name in self.columns)


@dataclass(slots=True)
class ParsedLead:
    """`outcome` is None while nothing speaks against the row; `zone_given` tells a stated zone from a derived one."""

    number: int
    cells: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    outcome: str | None = None
    reason: str = ""
    zone_given: bool = False

    @property
    def key(self) -> tuple[str, str] | None:
        if self.values.get("phone"):
            return "phone", self.values["phone"]
        return ("email", self.values["email"].lower()) if self.values.get("email") else None


def parse_lead(number: int, cells: list[str], plan: Plan) -> ParsedLead:
    row = ParsedLead(number, cells)
    try:
        row.values = _read(row, plan)
    except Refused as refused:
        row.outcome, row.reason = refused.outcome, refused.reason
    return row


def _read(row: ParsedLead, plan: Plan) -> dict[str, Any]:
    given, custom = _collect(row.cells, plan)
    if len(row.cells) > plan.width and any(cell.strip() for cell in row.cells[plan.width :]):
        raise Refused(f"has {len(row.cells)} cells where the file has {plan.width} columns")
    country = _country(given.get("country", ""), plan)
    phone, extension = None, ""
    if text := typed(given.get("phone", "")):
        phone, extension = parse_phone(text, country, given.get("phone_code", ""))
    email = parse_email(given["email"]) if typed(given.get("email", "")) else None
    if phone is None and (plan.need_phone or email is None):
        raise Refused("missing phone" if plan.need_phone else "missing phone and email", "missing")
    values: dict[str, Any] = {
        name: _text(given.get(name, ""), name)
        for name in ("business", "title", "city", "source")
    }  # fmt: skip
    values["first_name"], values["last_name"] = _name(given)
    values["state"] = places.normal_state(_text(given.get("state", ""), "state"), country)
    values["postal_code"] = places.normal_postal_code(_text(given.get("postal_code", ""), "postal code"), country)
    values["country"] = country if given.get("country") else ""
    values["website"] = parse_website(typed(given.get("website", "")))
    values["linkedin_url"] = parse_linkedin(typed(given.get("linkedin_url", "")))
    values["phone"], values["email"] = phone, email
    values["extension"] = _extension(typed(given.get("extension", ""))) or extension
    values["status"] = parse_status(coded(given.get("status", "")))
    values["tags"] = parse_tags(given.get("tags", ""), plan.tags)
    values["source"] = values["source"] or plan.source
    values["custom"] = custom
    values["zone"] = _zone(row, typed(given.get("zone", "")), values, country)
    owner = typed(given.get("owner", ""))
    values["owner_id"] = plan.owners.get(owner.lower()) if owner else None
    if owner and values["owner_id"] is None:
        row.reason = f"taken without its owner: nobody here is called {owner[:80]}"
    return values


def _collect(cells: list[str], plan: Plan) -> tuple[dict[str, str], dict[str, str]]:
    """Cleaned values by field; of several columns for one field the first that says something."""
    given: dict[str, str] = {}
    custom: dict[str, str] = {}
    width = len(cells)
    for index, header, name in plan.columns:
        if index >= width or not cells[index]:
            continue
        text = clean(cells[index], header)
        if not text:
            continue
        if name.startswith("custom:"):
            check_date(text, header)
            custom.setdefault(name[7:], text)
        elif name == "tags" and name in given:
            given[name] += f",{text}"
        elif not given.get(name) or typed(given[name]) == "":
            given[name] = text
    return given, custom


def _text(text: str, name: str) -> str:
    if len(text) > MAX_TEXT:
        raise Refused(f"{name.replace('_', ' ')}: longer than {MAX_TEXT} characters")
    return one_line(text)


def _name(given: Mapping[str, str]) -> tuple[str, str]:
    first, last = _text(given.get("first_name", ""), "first name"), _text(given.get("last_name", ""), "last name")
    full = _text(given.get("full_name", ""), "name")
    if not full or first or last:
        return first, last
    if "," in full:
        last, _, first = (part.strip() for part in full.partition(","))
        return first, last
    first, _, last = full.rpartition(" ")
    return (first, last) if first else (last, "")


def _country(text: str, plan: Plan) -> str:
    text = typed(text)
    if not text:
        return plan.country
    found = places.find_country(text)
    if found is None:
        raise Refused(f"country: {text[:80]} is not known")
    return found


def parse_phone(text: str, country: str, calling_code: str = "") -> tuple[str, str]:
    """E.164 and extension. Raises Refused."""
    plain = _PLAIN_US.fullmatch(text)
    if plain and country in ("US", "CA") and calling_code in ("", "1") and _is_served(plain[1], plain[2], plain[3]):
        return f"+1{plain[1]}{plain[2]}{plain[3]}", ""
    if _SCIENTIFIC.fullmatch(text):
        raise Refused("phone: shortened by a spreadsheet, its digits are lost")
    if text.endswith(".0") and text[:-2].lstrip("+").isdigit():
        text = text[:-2]
    code = calling_code.lstrip("+0")
    if code.isdigit() and len(code) <= 3 and not text.startswith("+"):
        text = f"+{code}{text}"
    try:
        number = phonenumbers.parse(text[:250], country)
    except phonenumbers.NumberParseException as error:
        if error.error_type in (error.TOO_LONG, error.TOO_SHORT_NSN, error.TOO_SHORT_AFTER_IDD):
            raise Refused("phone: invalid length") from None
        if error.error_type == error.INVALID_COUNTRY_CODE:
            raise Refused("phone: unknown country code") from None
        raise Refused("phone: not a phone number") from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible in _LENGTHS:
        raise Refused("phone: invalid length")
    if possible != ValidationResult.IS_POSSIBLE:
        raise Refused("phone: unknown country code")
    if not phonenumbers.is_valid_number(number):
        raise Refused("phone: no such number exists")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), number.extension or ""


_served: dict[str, bool] = {}


def _is_served(area: str, exchange: str, line: str) -> bool:
    """Whether a North American number can exist; that hangs on area code and exchange, which repeat in a file."""
    key = area + exchange
    if key not in _served:
        if len(_served) > 100_000:
            _served.clear()
        _served[key] = phonenumbers.is_valid_number(phonenumbers.parse(f"+1{key}{line}", None))
    return _served[key]


def _extension(text: str) -> str:
    digits = re.sub(r"\D", "", text.removesuffix(".0"))
    if text and (not digits or len(digits) > 15):
        raise Refused("extension: not a number")
    return digits


def parse_email(text: str) -> str:
    """The address in its normal form; of several in one cell the first. Raises Refused."""
    first = re.split(r"[;,\s]+", typed(text).strip("<>"), maxsplit=1)[0].removeprefix("mailto:")
    local, at, domain = first.rpartition("@")
    if (
        at
        and len(first) <= 254
        and len(local) <= 64
        and _DOT_ATOM.fullmatch(local)
        and (known := _normal_domain(domain))
    ):
        return f"{local}@{known}"
    try:
        return validate_email(first, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Refused(f"email: {str(error).rstrip('.')}") from None


@lru_cache(maxsize=50_000)
def _normal_domain(domain: str) -> str | None:
    """Domains repeat in a file, and are the costly half of an address."""
    try:
        return validate_email(f"a@{domain}", check_deliverability=False).domain
    except EmailNotValidError:
        return None


def parse_website(text: str) -> str:
    """With scheme, the host in lower case; empty for empty. Raises Refused."""
    if not text:
        return ""
    url = text if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text) else f"https://{text.lstrip('/')}"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("website: not a web address") from None
    if (
        parts.scheme.lower() not in ("http", "https")
        or "." not in host
        or re.search(r"[\s<>\"'@]", text)
        or len(url) > 2000
    ):
        raise Refused("website: not a web address")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()


def parse_linkedin(text: str) -> str:
    if not text:
        return ""
    if re.fullmatch(r"/?(in|company|pub)/[^\s/]+/?", text):
        text = "www.linkedin.com/" + text.lstrip("/")
    try:
        url = parse_website(text)
    except Refused:
        raise Refused("LinkedIn URL: not a web address") from None
    host = urlsplit(url).hostname or ""
    if host != "linkedin.com" and not host.endswith(".linkedin.com"):
        raise Refused("LinkedIn URL: not an address of linkedin.com")
    return url


def _by_name() -> dict[str, str]:
    names = {code: disposition or STATUS_OF_CALL[call] for code, (call, disposition) in CALL_CODES.items()}
    names |= {state.label.lower(): state.name for state in LEAD}
    names |= {state.name.replace("_", " "): state.name for state in LEAD}
    return names | {"open": "new", "fresh": "new", "customer": "converted"}


_STATUSES = _by_name()


def parse_status(text: str) -> str | None:
    """A status by its name, its label or a dialer's code; None for empty. Raises Refused."""
    if not text:
        return None
    found = _STATUSES.get(" ".join(text.lower().replace("_", " ").split()))
    if found is None:
        raise Refused(f"status: {text[:80]} is not known")
    if found == "dnc":
        raise Refused("the file says Do Not Call", "dnc")
    return found


def parse_tags(text: str, more: tuple[str, ...] = ()) -> list[str]:
    found: dict[str, str] = {}
    for tag in (*re.split(r"[,;]", text), *more):
        name = " ".join(tag.split())
        if len(name) > MAX_TAG:
            raise Refused(f"tags: one is longer than {MAX_TAG} characters")
        if name:
            found.setdefault(name.lower(), name)
    if len(found) > MAX_TAGS:
        raise Refused(f"tags: more than {MAX_TAGS}")
    return list(found.values())


def _zone(row: ParsedLead, given: str, values: Mapping[str, Any], country: str) -> str | None:
    if given and (known := places.find_zone(given)):
        row.zone_given = True
        return known
    derived = places.zone_of_postal_code(values["postal_code"], country)
    if derived is None and values["phone"]:
        derived = places.zone_of_phone(values["phone"])
    if given and derived is None:
        raise Refused(f"time zone: {given[:80]} is not known")
    return derived


class FirstSeen:
    """In which line of the file a phone or an email came first. Keys are numbers: a million need about 100 MB."""

    def __init__(self, *, emails: bool) -> None:
        self._with_emails = emails  # only where a row may do without a phone
        self._phones: dict[int, int] = {}
        self._emails: dict[int, int] = {}

    def judge(self, row: ParsedLead) -> None:
        """Mark the row as a duplicate of an earlier one, or remember it."""
        key = row.key
        if row.outcome is not None or key is None:
            return
        kind, value = key
        first = self._phones.setdefault(int(value[1:]), row.number) if kind == "phone" else row.number
        if self._with_emails and row.values["email"]:
            by_email = self._emails.setdefault(hash_of(row.values["email"].lower()), row.number)
            first = by_email if kind == "email" else first
        if first != row.number:
            row.outcome, row.reason = "duplicate_in_file", f"same {kind} as line {first}"


def hash_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
