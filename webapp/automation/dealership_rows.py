"""One row of a file of dealerships, or one typed by hand: what it says, or why it is refused. Pure: no session, no Flask, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from webapp.automation.places import find_zip
from webapp.automation.websites import Website, WebsiteRefused, read_contact_url, read_website
from webapp.imports import places
from webapp.imports.cells import Refused, clean, one_line, typed
from webapp.imports.rules import MAX_TEXT, ParsedLead, parse_email, parse_phone
from webapp.imports.tables import normal_header

FIELDS = {
    "name": "Name", "website": "Website", "contact_url": "Contact page", "address": "Address", "city": "City", "state": "State",
    "postal_code": "Postal code", "latitude": "Latitude", "longitude": "Longitude", "phone": "Phone", "email": "Email",
}  # fmt: skip
_HEADERS = {
    "name": """name|dealership|dealer|dealer name|dealership name|business|business name|company|company name|account name|
        account|store|store name|organization|rooftop""",
    "website": "website|url|web|site|web site|homepage|home page|website url|domain|web address|dealer website|company website",
    "contact_url": "contact url|contact page|contact form|contact form url|contact link|contact us url|contact page url|contact us",
    "address": "address|street|street address|address 1|address line 1|address1|addr|mailing street|billing street",
    "city": "city|town|locality|mailing city|billing city",
    "state": "state|region|province|state province|mailing state|billing state",
    "postal_code": "postal code|zip|zip code|zipcode|postcode|postal|post code",
    "latitude": "latitude|lat|geo lat|y",
    "longitude": "longitude|lng|lon|long|geo lng|geo lon|x",
    "phone": "phone|phone number|telephone|tel|main phone|sales phone|phone 1|business phone|number",
    "email": "email|email address|e mail|mail|sales email|contact email|work email",
}  # fmt: skip
_RANKS = {
    " ".join(name.split()): (field, rank)
    for field, names in _HEADERS.items()
    for rank, name in enumerate(names.split("|"))
}
NO_HEADER = "The file has no header: its first line must name the columns, such as name, website, postal code."


def suggest_columns(headers: list[str]) -> dict[str, str]:
    """Column number -> field; of several that could be one field the best-known name gets it."""
    best: dict[str, tuple[int, int]] = {}
    for index, header in enumerate(headers):
        found = _RANKS.get(normal_header(header))
        if found is not None:
            best[found[0]] = min(best.get(found[0], (found[1], index)), (found[1], index))
    return {str(index): field for field, (_, index) in sorted(best.items(), key=lambda pair: pair[1][1])}


@dataclass(slots=True)
class Row:
    """`number` is the line in the file. `outcome` is None while nothing speaks against it; see `service.dealership_files`.
    `known_by` says what gave it the lead that was there: host, phone or email.
    """

    number: int
    cells: list[str]
    name: str = ""
    website: Website | None = None
    contact_url: str = ""
    address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    lat: float | None = None
    lng: float | None = None
    placed_by: str | None = None
    phone: str | None = None
    email: str | None = None
    outcome: str | None = None
    reason: str = ""
    lead_id: int | None = None
    known_by: str = ""
    source: str = "Dealership file"
    dealership_id: int | None = None

    @property
    def host(self) -> str:
        return self.website.host if self.website else ""

    def as_lead(self, country: str) -> ParsedLead:
        """As a row of the leads' own import, which makes the lead."""
        values: dict[str, Any] = {
            "business": self.name, "website": self.website.url if self.website else "", "city": self.city, "state": self.state,
            "postal_code": self.postal_code, "country": country, "phone": self.phone, "email": self.email, "source": self.source,
            "zone": places.zone_of_postal_code(self.postal_code, country) or (places.zone_of_phone(self.phone) if self.phone else None),
        }  # fmt: skip
        return ParsedLead(self.number, self.cells, values)


def parse_row(number: int, cells: list[str], columns: Mapping[str, str], headers: list[str], country: str) -> Row:
    row = Row(number, cells)
    try:
        _read(row, columns, headers, country)
    except Refused as refused:
        row.outcome, row.reason = "refused", refused.reason
    except WebsiteRefused as refused:
        row.outcome, row.reason = "refused", f"website: {str(refused).rstrip('.')}"
    return row


def _read(row: Row, columns: Mapping[str, str], headers: list[str], country: str) -> None:
    if len(row.cells) > len(headers) and any(cell.strip() for cell in row.cells[len(headers) :]):
        raise Refused(f"has {len(row.cells)} cells where the file has {len(headers)} columns")
    given = {
        field: clean(row.cells[int(index)], FIELDS[field].lower())
        for index, field in columns.items()
        if int(index) < len(row.cells)
    }
    website = typed(given.get("website", ""))
    if not website:
        raise Refused("no website")
    row.website = read_website(website)
    row.contact_url = read_contact_url(typed(given.get("contact_url", "")), row.website)
    row.name = _text(given, "name") or row.website.host
    row.address, row.city = _text(given, "address"), _text(given, "city")
    row.state = places.normal_state(_text(given, "state"), country)
    row.postal_code = places.normal_postal_code(_text(given, "postal_code"), country)
    if text := typed(given.get("phone", "")):
        row.phone, _ = parse_phone(text, country)
    if text := typed(given.get("email", "")):
        row.email = parse_email(text)
    point = read_point(typed(given.get("latitude", "")), typed(given.get("longitude", "")))
    row.lat, row.lng, row.placed_by = locate(point, row.postal_code, country)


def _text(given: Mapping[str, str], field: str) -> str:
    text = one_line(given.get(field, ""))
    if len(text) > MAX_TEXT:
        raise Refused(f"{FIELDS[field].lower()}: longer than {MAX_TEXT} characters")
    return text


def read_point(latitude: str, longitude: str) -> tuple[float, float] | None:
    """None for neither, and for 0, 0, which files say when they do not know. Raises Refused."""
    if not latitude and not longitude:
        return None
    if not latitude or not longitude:
        raise Refused("one coordinate without the other")
    try:
        lat, lng = (
            float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
            for text in (latitude, longitude)
        )
    except ValueError:
        raise Refused("coordinates: not two numbers") from None
    if not (abs(lat) <= 90 and abs(lng) <= 180):  # false for nan too
        raise Refused("coordinates: latitude goes from -90 to 90, longitude from -180 to 180")
    return None if lat == lng == 0 else (round(lat, 8), round(lng, 8))


def locate(
    point: tuple[float, float] | None, postal_code: str, country: str
) -> tuple[float | None, float | None, str | None]:
    """(latitude, longitude, placed by): its own coordinates, else those of its US postal code, else nothing."""
    if point is not None:
        return point[0], point[1], "own"
    found = find_zip(postal_code) if country == "US" else None
    return (found.lat, found.lng, "postal_code") if found else (None, None, None)


def mark_twins(rows: Iterable[Row], *, allowed: bool) -> None:
    """Mark rows whose website stands in an earlier line; where that is allowed, only those that have its name and place too."""
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        if row.outcome is not None:
            continue
        line = first.setdefault(key_of(row.host, row.name, row.postal_code, twins=allowed), row.number)
        if line != row.number:
            row.outcome = "twin"
            row.reason = f"same {'dealership' if allowed else 'website'} as line {line}"


def key_of(host: str, name: str, postal_code: str, *, twins: bool) -> tuple[str, ...]:
    """What two rows of one dealership have in common: the host, or with `twins` its name and place too."""
    return (host, name.lower(), postal_code[:5]) if twins else (host,)
