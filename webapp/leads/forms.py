"""What people type about leads, lists and views."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from wtforms import BooleanField, Form, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from webapp.leads.facts import TEXTS, clean_text, parse_phone, parse_tags
from webapp.leads.models import Lead
from webapp.leads.states import IMPORTABLE, LEAD


def _text(label: str, most: int = 300, **kwargs: Any) -> StringField:
    return StringField(label, [Length(max=most, message=f"At most {most} characters.")], filters=[clean_text], **kwargs)


def _id_or_none(value: Any) -> int | None:
    return int(value) if value not in (None, "", "None") and str(value).isdecimal() and len(str(value)) < 19 else None


class LeadForm(Form):
    first_name = _text("First name")
    last_name = _text("Last name")
    business = _text("Business")
    title = _text("Job title")
    phone = _text("Phone", 60)
    extension = _text("Extension", 20)
    email = _text("Email", 254)
    website = _text("Website")
    linkedin_url = _text("LinkedIn")
    city = _text("City")
    state = _text("State")
    postal_code = _text("Postal code", 20)
    country = _text("Country", 60, description="Two letters, for example US.")
    zone = _text(
        "Time zone",
        60,
        description="For example America/Chicago. Left empty it is taken from the postal code or phone.",
    )
    source = _text("Source")
    tags = StringField("Tags", [Length(max=2000)], description="Separated by commas.", default="")
    owner_id = SelectField("Owner", coerce=_id_or_none, default=None)
    list_id = SelectField("List", coerce=_id_or_none, default=None)
    status = SelectField("Status", choices={name: LEAD[name].label for name in IMPORTABLE}, default=LEAD.initial)

    def validate_country(self, field: StringField) -> None:
        field.data = (field.data or "").upper() if len(field.data or "") == 2 else field.data

    def validate_phone(self, field: StringField) -> None:
        if not field.data:
            return
        found = parse_phone(field.data, self.country.data if len(self.country.data or "") == 2 else "US")
        if found is None:
            raise ValidationError(
                "This cannot be a phone number. Write it with its area code, for example (212) 555-0123."
            )
        field.data = found

    def validate_email(self, field: StringField) -> None:
        if not field.data:
            return
        try:
            field.data = validate_email(field.data, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError as error:
            raise ValidationError(str(error)) from error

    def validate_zone(self, field: StringField) -> None:
        if field.data and field.data not in available_timezones():
            raise ValidationError("There is no such time zone. Write it like America/Chicago.")

    def validate_owner_id(self, field: SelectField) -> None:
        if field.data is not None and field.data not in dict(field.choices):
            raise ValidationError("Choose an owner from your team.")

    def validate(self, extra_validators: Any = None) -> bool:
        fine = super().validate(extra_validators)
        if not any((self.first_name.data, self.last_name.data, self.business.data, self.phone.data, self.email.data)):
            self.form_errors.append("Give a name, a business, a phone or an email: something to know the lead by.")
            return False
        return bool(fine)

    def offer(self, owners: list[tuple[int, str]], lists: list[tuple[int, str]], lead: Lead | None = None) -> LeadForm:
        """The choices; what the lead has already stays choosable."""
        self.owner_id.choices = [("", "Nobody"), *owners]
        if lead is not None and lead.owner_id and lead.owner_id not in dict(owners):
            self.owner_id.choices.append((lead.owner_id, "Somebody who left"))
        self.list_id.choices = lists
        if lead is not None and lead.list_id not in dict(lists):
            self.list_id.choices = [(lead.list_id, "Its present list"), *lists]
        return self

    def facts(self) -> dict[str, Any]:
        """By column, in the form the table holds."""
        found: dict[str, Any] = {name: getattr(self, name).data or "" for name in TEXTS}
        for name in ("phone", "email", "zone"):
            found[name] = found[name] or None
        return found | {"tags": parse_tags(self.tags.data or ""), "owner_id": self.owner_id.data}


class ListForm(Form):
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=120)], filters=[clean_text])
    campaign_id = SelectField("Dial campaign", coerce=_id_or_none, default=None,
                              description="Its calling hours and rules decide when these leads are dialed.")  # fmt: skip
    active = BooleanField("Dial this list", default=True)

    def offer(self, campaigns: list[tuple[int, str]]) -> ListForm:
        self.campaign_id.choices = [("", "None yet"), *campaigns]
        return self


class ViewForm(Form):
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=60)], filters=[clean_text])
    shared = BooleanField("Everybody in the company sees it")
