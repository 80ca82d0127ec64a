"""Forms of dealerships: one of them, a file of them, and the automation's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from wtforms import BooleanField, FileField, Form, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length, Optional

from webapp.automation.dealership_rows import FIELDS
from webapp.automation.forms.projects import seen_version
from webapp.automation.models import Dealership
from webapp.automation.places import parse_point
from webapp.automation.service.dealership_by_hand import ByHand
from webapp.automation.service.dealerships import Facts
from webapp.automation.settings import DAILY_PER_HOST, MOST_AGENT, MOST_DAILY, Manners, find_contact
from webapp.automation.websites import Website, WebsiteRefused, read_contact_url, read_website
from webapp.dialer.campaign_forms import WholeField
from webapp.imports.cells import Refused, typed
from webapp.imports.places import normal_postal_code, normal_state
from webapp.imports.rules import parse_email, parse_phone
from webapp.leads.facts import clean_text


def _text(label: str, most: int = 200, *more: Any) -> StringField:
    return StringField(label, [*more, Length(max=most, message=f"At most {most} characters.")], filters=[clean_text])


class DealershipForm(Form):
    """`coordinates` as "39.96, -83.00"; empty places it by its postal code."""

    version = StringField()
    name = _text("Name", 200, DataRequired("Give it a name."))
    website = StringField(
        "Website",
        [DataRequired("Give the address of the website."), Length(max=2000)],
        filters=[lambda t: (t or "").strip()],
    )
    contact_url = StringField("Contact page", [Length(max=2000)], filters=[lambda t: (t or "").strip()])
    address = _text("Address", 300)
    city = _text("City")
    state = _text("State", 60)
    postal_code = _text("Postal code", 20)
    coordinates = StringField("Coordinates", [Length(max=60)], filters=[lambda t: (t or "").strip()])

    _website: Website | None = None
    _point: tuple[float, float] | None = None

    @classmethod
    def of(cls, row: Dealership) -> DealershipForm:
        names = ("name", "website", "contact_url", "address", "city", "state", "postal_code")
        return cls(
            version=str(row.version), coordinates=tell_point(row), **{name: getattr(row, name) for name in names}
        )

    def validate_website(self, field: Any) -> None:
        try:
            self._website = read_website(field.data or "")
        except WebsiteRefused as refused:
            raise ValidationError(str(refused)) from refused

    def validate_contact_url(self, field: Any) -> None:
        if self._website is None:
            return
        try:
            field.data = read_contact_url(field.data or "", self._website)
        except WebsiteRefused as refused:
            raise ValidationError(str(refused)) from refused

    def validate_coordinates(self, field: Any) -> None:
        if field.data:
            self._point = parse_point(field.data)
            if self._point is None:
                raise ValidationError("Give latitude and longitude, such as 39.96, -83.00.")

    @property
    def seen_version(self) -> int:
        return seen_version(self.version.data)

    def facts(self, country: str) -> Facts:
        """Once the form is valid."""
        assert self._website is not None
        return Facts(
            name=self.name.data, website=self._website, contact_url=self.contact_url.data or "", address=self.address.data or "",
            city=self.city.data or "", state=self.state.data or "", postal_code=normal_postal_code(self.postal_code.data or "", country),
            point=self._point,
        )  # fmt: skip


def tell_point(row: Dealership) -> str:
    """Its own coordinates; "" for one that is placed by its postal code, or not at all."""
    if row.placed_by != "own" or row.latitude is None or row.longitude is None:
        return ""
    return f"{float(row.latitude):.8g}, {float(row.longitude):.8g}"


def describe_dealership(row: Dealership | Facts) -> dict[str, str]:
    """In words, for people to compare."""
    website = row.website if isinstance(row.website, str) else row.website.url
    if isinstance(row, Facts):
        point = f"{row.point[0]:.8g}, {row.point[1]:.8g}" if row.point else ""
    else:
        point = tell_point(row)
    return {
        "Name": row.name, "Website": website, "Contact page": row.contact_url or "none", "Address": row.address or "none",
        "City": row.city or "none", "State": row.state or "none", "Postal code": row.postal_code or "none", "Coordinates": point or "none",
    }  # fmt: skip


LIST_TAKEN = "There is a list of this name already: choose it above, or give another name."


def _id(value: Any) -> int | None:
    return int(value) if value not in (None, "", "None") and str(value).isdecimal() and len(str(value)) < 19 else None


def _list_field(label: str) -> SelectField:
    return SelectField(label, coerce=_id, validators=[Optional()])


def _new_list_field() -> StringField:
    return StringField(
        "Name of the new list", [Length(max=120, message="At most 120 characters.")], filters=[clean_text]
    )


def _project_field() -> SelectField:
    return SelectField("Add to project", coerce=_id, validators=[Optional()])


class IntoList:
    """Where new dealerships go: their leads into a list that is there or a new one, they into a project or none."""

    list_id: Any
    new_list: Any
    project_id: Any

    def offer(self, lists: list[tuple[int, str]], projects: list[tuple[int, str]]) -> Self:
        self.list_id.choices = [("", "A new list"), *lists]
        self.project_id.choices = [("", "None yet"), *projects]
        return self

    def validate_new_list(self, field: Any) -> None:
        if self.list_id.data is None and not field.data:
            raise ValidationError("Name the new list, or choose one that is there.")


class UploadForm(IntoList, Form):
    file = FileField("File")
    list_id = _list_field("Leads go into")
    new_list = _new_list_field()
    project_id = _project_field()

    def validate_file(self, field: Any) -> None:
        if not getattr(field.data, "filename", ""):
            raise ValidationError("Choose a file: CSV, TSV, XLSX or XLS.")


class NewDealershipForm(IntoList, DealershipForm):
    """One by hand. `country` is the company's, by which phones and states are read; `twins` allows a website that another has."""

    twins = BooleanField("It is another house with the same website")
    phone = _text("Phone", 60)
    email = _text("Email", 254)
    list_id = _list_field("Lead goes into")
    new_list = _new_list_field()
    project_id = _project_field()

    country = "US"
    _phone: str | None = None
    _email: str | None = None

    def validate_phone(self, field: Any) -> None:
        try:
            self._phone = parse_phone(text, self.country)[0] if (text := typed(field.data or "")) else None
        except Refused as refused:
            raise ValidationError(
                f"{_said(refused)} Write it with its area code, for example (212) 555-0123."
            ) from None

    def validate_email(self, field: Any) -> None:
        try:
            self._email = parse_email(text) if (text := typed(field.data or "")) else None
        except Refused as refused:
            raise ValidationError(_said(refused)) from None

    @property
    def wanted(self) -> ByHand:
        """Once the form is valid."""
        facts = self.facts(self.country)
        return ByHand(
            facts=replace(facts, state=normal_state(facts.state, self.country)), phone=self._phone, email=self._email, list_id=self.list_id.data,
            new_list=self.new_list.data or "", project_id=self.project_id.data, twins=bool(self.twins.data),
        )  # fmt: skip


def _said(refused: Refused) -> str:
    """ "phone: invalid length" as a sentence."""
    text = refused.reason.partition(": ")[2]
    return f"{text[:1].upper()}{text[1:]}."


def read_columns(posted: Mapping[str, str], headers: list[str]) -> tuple[dict[str, str], list[str]]:
    """(column number -> field, sentences on what is wrong) of the posted choices."""
    columns: dict[str, str] = {}
    errors: list[str] = []
    for index, header in enumerate(headers):
        field = posted.get(f"column-{index}", "")
        if field not in FIELDS:
            continue
        if field in columns.values():
            errors.append(f"{header}: {FIELDS[field]} is chosen for two columns.")
        columns[str(index)] = field
    if "website" not in columns.values():
        errors.append("Choose the column with the website.")
    if ("latitude" in columns.values()) != ("longitude" in columns.values()):
        errors.append("Choose both latitude and longitude, or neither.")
    return columns, errors


class MannersForm(Form):
    """`seen` tells what the page showed."""

    seen = StringField()
    user_agent = StringField(
        "Introduction", [Length(max=MOST_AGENT, message=f"At most {MOST_AGENT} characters.")], filters=[clean_text]
    )
    daily_per_host = WholeField("Visits to one website a day", 1, MOST_DAILY)

    @classmethod
    def of(cls, manners: Manners) -> MannersForm:
        return cls(
            seen=manners.seen,
            user_agent=manners.user_agent if manners.own else "",
            daily_per_host=manners.daily_per_host or DAILY_PER_HOST,
        )

    def validate_user_agent(self, field: Any) -> None:
        text = field.data or ""
        if not text.isascii():
            raise ValidationError("Only plain letters, digits and signs: it goes into a header.")
        if text and find_contact(text) is None:
            raise ValidationError(
                "It must hold an address where you can be reached, such as https://example.com/bot or bot@example.com."
            )
