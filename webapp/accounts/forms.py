"""What people type into the account pages. Each form names the fields it takes; all else is ignored."""

from __future__ import annotations

from datetime import time
from typing import Any

from email_validator import EmailNotValidError, validate_email
from wtforms import (
    BooleanField,
    EmailField,
    Form,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TimeField,
    ValidationError,
)  # fmt: skip
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.accounts.models import SCOPES, Company, User
from webapp.accounts.passwords import check_length
from webapp.accounts.places import WEEKDAYS, country_choices, hours_of, zone_choices

ROLE_CHOICES = {
    "rep": "Rep: works the desk and leads",
    "manager": "Manager: also lists, imports, recycling and reports",
    "admin": "Admin: also the team, keys and company settings",
}
SCOPE_LABELS = {
    "calls:write": "Write call results", "calls:read": "Read calls", "leads:read": "Read leads",
    "leads:write": "Create and change leads", "contacts:read": "Read contacts",
    "contacts:write": "Log contacts", "reports:read": "Read reports",
    "hopper:claim": "Claim leads to dial", "automation:read": "Watch automation projects",
    "automation:write": "Start, pause and cancel runs, mark dealerships",
}  # fmt: skip


class MultiCheckboxField(SelectMultipleField):
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def strip(value: str | None) -> str:
    return (value or "").strip()


def no_controls(form: Form, field: Any) -> None:
    if any(ord(char) < 32 or ord(char) == 127 for char in field.data or ""):
        raise ValidationError("Leave out control characters.")


def valid_email(form: Form, field: Any) -> None:
    """Without asking the network; `field.data` becomes the form in which it is kept."""
    try:
        field.data = validate_email(field.data or "", check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise ValidationError("Enter an email address such as ana@example.com.") from None


def good_length(form: Form, field: Any) -> None:
    if problem := check_length(field.data or ""):
        raise ValidationError(problem)


def at_least_one(form: Form, field: Any) -> None:
    """InputRequired would mark each single checkbox as required."""
    if not field.data:
        raise ValidationError("Choose at least one.")


def name_field(label: str, missing: str = "", **kwargs: Any) -> StringField:
    rules = [DataRequired(missing or f"Enter {label.lower()}."), Length(max=120), no_controls]
    return StringField(label, rules, [strip], **kwargs)


def email_field(label: str = "Email") -> EmailField:
    return EmailField(label, [DataRequired("Enter an email address."), Length(max=254), valid_email], [strip])


def new_password_field(label: str = "Password") -> PasswordField:
    return PasswordField(label, [InputRequired("Choose a password."), good_length])


def zone_field(label: str = "Time zone", **kwargs: Any) -> SelectField:
    return SelectField(label, [InputRequired("Choose a time zone.")], choices=zone_choices, **kwargs)


class SignInForm(Form):
    email = StringField("Email", [DataRequired("Enter your email address."), Length(max=254)], [strip])
    password = PasswordField("Password", [InputRequired("Enter your password.")])


class ForgotForm(Form):
    email = email_field()


class NewPasswordForm(Form):
    password = new_password_field("New password")


class AcceptForm(Form):
    name = name_field("Your name", "Enter your name.")
    password = new_password_field()


class SetupForm(Form):
    company = name_field("Company", "Enter your company's name.")
    country = SelectField("Country", choices=country_choices, default="US")
    zone = zone_field(default="America/New_York")
    days = MultiCheckboxField(
        "Business days", choices=dict(enumerate(WEEKDAYS)), coerce=int, default=[0, 1, 2, 3, 4]
    )  # fmt: skip
    opens = TimeField("Opens", [InputRequired("Enter a time.")], default=time(9))
    closes = TimeField("Closes", [InputRequired("Enter a time.")], default=time(17))
    name = name_field("Your name", "Enter your name.")
    email = email_field()
    password = new_password_field()

    def validate_closes(self, field: TimeField) -> None:
        _check_order(self.opens.data, field.data)

    @property
    def hours(self) -> dict[str, Any]:
        return hours_of(self.days.data, f"{self.opens.data:%H:%M}", f"{self.closes.data:%H:%M}")


def _check_order(opens: time | None, closes: time | None) -> None:
    if opens and closes and opens >= closes:
        raise ValidationError("Closing comes after opening.")


class ProfileForm(Form):
    name = name_field("Name", "Enter your name.")
    email = email_field()
    current_password = PasswordField("Current password")
    zone = SelectField("Time zone", choices=lambda: {"": "The company's", **zone_choices()})
    shortcuts = BooleanField("Keyboard shortcuts")
    compact_rows = BooleanField("Compact rows in lists")

    @classmethod
    def of(cls, user: User) -> ProfileForm:
        return cls(
            name=user.name, email=user.email, zone=user.zone or "", shortcuts=not user.shortcuts_off,
            compact_rows=user.compact_rows,
        )  # fmt: skip

    @property
    def preferences(self) -> dict[str, bool]:
        return {"shortcuts_off": not self.shortcuts.data, "compact_rows": bool(self.compact_rows.data)}


class PasswordForm(Form):
    current = PasswordField("Current password", [InputRequired("Enter your current password.")])
    password = new_password_field("New password")


class InviteForm(Form):
    email = email_field()
    role = RadioField("Role", choices=ROLE_CHOICES, default="rep")


class RoleForm(Form):
    role = RadioField("Role", choices=ROLE_CHOICES)


class KeyForm(Form):
    name = name_field("Name", "Enter a name.", description="Where it will be used, such as “Dialer in Austin”.")
    scopes = MultiCheckboxField(
        "It may",
        [at_least_one],
        choices={scope: SCOPE_LABELS.get(scope, scope) for scope in SCOPES},
    )


class CompanyForm(Form):
    """`open_0` to `close_6`: a weekday with neither is closed."""

    name = name_field("Name", "Enter your company's name.")
    country = SelectField(
        "Country", choices=country_choices, description="Phone numbers without a country are read as its."
    )
    zone = zone_field()

    @classmethod
    def of(cls, company: Company) -> CompanyForm:
        times: dict[str, time | None] = {}
        for day in range(7):
            both = company.hours.get(str(day)) or (None, None)
            times[f"open_{day}"], times[f"close_{day}"] = (time.fromisoformat(at) if at else None for at in both)
        return cls(name=company.name, country=company.country, zone=company.zone, **times)

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        for day, opens, closes in self.weekdays():
            try:
                _check_order(opens.data, closes.data)
                if (opens.data is None) != (closes.data is None) and not opens.errors and not closes.errors:
                    raise ValidationError(f"Give both times of {day}, or neither when it is closed.")
            except ValidationError as error:
                closes.errors = [*closes.errors, str(error)]
                good = False
        return good

    def weekdays(self) -> list[tuple[str, TimeField, TimeField]]:
        return [(day, self[f"open_{n}"], self[f"close_{n}"]) for n, day in enumerate(WEEKDAYS)]

    @property
    def hours(self) -> dict[str, Any]:
        return {
            str(n): [f"{opens.data:%H:%M}", f"{closes.data:%H:%M}"] if opens.data and closes.data else None
            for n, (_, opens, closes) in enumerate(self.weekdays())
        }


for _number, _day in enumerate(WEEKDAYS):
    setattr(CompanyForm, f"open_{_number}", TimeField(f"{_day} opens", [Optional()]))
    setattr(CompanyForm, f"close_{_number}", TimeField(f"{_day} closes", [Optional()]))
