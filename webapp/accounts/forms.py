"""What people type into the account pages. Each form names the fields it takes; all else is ignored."""

from __future__ import annotations

from typing import Any

from email_validator import EmailNotValidError, validate_email
from wtforms import EmailField, Form, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from webapp.accounts.passwords import check_length


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


def name_field(label: str, **kwargs: Any) -> StringField:
    return StringField(
        label, [InputRequired(f"Enter {label.lower()}."), Length(max=120), no_controls], [strip], **kwargs
    )


def email_field(label: str = "Email") -> EmailField:
    return EmailField(label, [InputRequired("Enter an email address."), Length(max=254), valid_email], [strip])


def new_password_field(label: str = "Password") -> PasswordField:
    return PasswordField(label, [InputRequired("Choose a password."), good_length])


class SignInForm(Form):
    email = StringField("Email", [InputRequired("Enter your email address."), Length(max=254)], [strip])
    password = PasswordField("Password", [InputRequired("Enter your password.")])


class ForgotForm(Form):
    email = email_field()


class NewPasswordForm(Form):
    password = new_password_field("New password")


class AcceptForm(Form):
    name = name_field("Your name")
    password = new_password_field()
