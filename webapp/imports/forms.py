"""What people choose when they import. Fields of the mapping are read from the file, not declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import BooleanField, FileField, Form, HiddenField, RadioField, SelectField, StringField, ValidationError
from wtforms.validators import Length, Optional

from webapp.accounts.models import Company
from webapp.accounts.places import country_choices
from webapp.imports import queries
from webapp.imports.cells import Refused
from webapp.imports.files import DELIMITERS, ENCODINGS
from webapp.imports.rules import parse_tags
from webapp.imports.tables import FIELDS

SCOPES = {
    "list": "This list: a lead is a duplicate when the list has its phone",
    "campaign": "This campaign: also when another list of the same dial campaign has it",
    "company": "The whole company: also when any list has it",
}
DUPLICATES = {
    "skip": "Leave them as they are",
    "fill": "Fill their empty fields from the file",
    "update": "Update them: what the file says replaces what is there",
}


def _plain(form: Form, field: Any) -> None:
    field.data = " ".join((field.data or "").split())
    if not field.data.isprintable():
        raise ValidationError("Leave out control characters.")


class UploadForm(Form):
    kind = HiddenField(default="leads")
    file = FileField("File")
    list_id = SelectField("Into list", validators=[Optional()])
    new_list = StringField("Name of the new list", [_plain, Length(max=120)])
    country = SelectField("Country of numbers without one")
    scope = RadioField("Duplicates are looked for in", choices=SCOPES, default="campaign")
    duplicates = RadioField("Leads that are there already", choices=DUPLICATES, default="skip")
    without_phone = BooleanField("Take rows without a phone when they have an email")
    source = StringField("Source", [_plain, Length(max=200)], description="For rows whose file names none.")
    tags = StringField("Tags for all", [_plain, Length(max=500)], description="Separated by commas.")

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._company = company
        self.list_id.choices = [("", "A new list"), *((str(i), name) for i, name in queries.list_choices(company.id))]
        self.country.choices = list(country_choices().items())
        if self.country.data is None:
            self.country.data = company.country
        if self.kind.data not in FIELDS:
            self.kind.data = "leads"

    @property
    def is_calls(self) -> bool:
        return self.kind.data == "calls"

    def validate_file(self, field: Any) -> None:
        if not getattr(field.data, "filename", ""):
            raise ValidationError("Choose a file: CSV, TSV, TXT, XLSX or XLS.")

    def validate_new_list(self, field: Any) -> None:
        if self.is_calls or self.list_id.data:
            return
        name = field.data or ""
        if name and queries.find_list_by_name(self._company.id, name):
            raise ValidationError("There is a list of this name. Choose it above, or take another name.")

    def validate_tags(self, field: Any) -> None:
        try:
            parse_tags(field.data or "")
        except Refused as refused:
            raise ValidationError(f"{refused.reason.capitalize()}.") from None

    def options(self) -> dict[str, Any]:
        if self.is_calls:
            return {"country": self.country.data}
        return {
            "country": self.country.data, "scope": self.scope.data, "duplicates": self.duplicates.data,
            "without_phone": bool(self.without_phone.data), "source": self.source.data or "", "tags": self.tags.data or "",
            "new_list": "" if self.list_id.data else (self.new_list.data or ""),
        }  # fmt: skip


class ReadingForm(Form):
    """How the file is read: what is left at its value stays a guess."""

    encoding = SelectField("Encoding", choices=ENCODINGS, validators=[Optional()])
    delimiter = SelectField("Separator", choices=DELIMITERS, validators=[Optional()])
    sheet = SelectField("Sheet", validators=[Optional()])
    has_header = SelectField("First row", choices={"yes": "Names the columns", "no": "Is a row like the others"})

    def __init__(self, *args: Any, preview: Mapping[str, Any], **kwargs: Any) -> None:
        sheets = preview.get("sheets") or []
        kwargs.setdefault("encoding", preview.get("encoding") or "utf-8-sig")
        kwargs.setdefault("delimiter", preview.get("delimiter") or ",")
        kwargs.setdefault("sheet", preview.get("sheet"))
        kwargs.setdefault("has_header", "yes" if preview.get("has_header", True) else "no")
        super().__init__(*args, **kwargs)
        self.sheet.choices = [(name, name) for name in sheets]
        self.is_text = preview.get("kind", "text") == "text"
        if self.is_text:
            del self.sheet
        else:
            del self.encoding, self.delimiter
            if not sheets:
                del self.sheet

    def changes(self) -> dict[str, Any]:
        found = {field.name: field.data for field in self if field.name != "has_header" and field.data}
        return found | {"has_header": self.has_header.data == "yes"}


class MappingForm:
    """The posted column choices, judged. `errors` are sentences; `columns` maps column number to field."""

    MAX_NAME = 80

    def __init__(self, posted: Mapping[str, str], *, headers: list[str], kind: str, without_phone: bool) -> None:
        self.columns: dict[str, str] = {}
        self.errors: list[str] = []
        self.keep_as = " ".join(posted.get("keep_as", "").split())[: self.MAX_NAME]
        for index in range(len(headers)):
            field = posted.get(f"column-{index}", "")
            if field in FIELDS[kind] or (
                kind == "leads" and field.startswith("custom:") and 7 < len(field) <= 67 and field.isprintable()
            ):
                self.columns[str(index)] = field
            elif field:
                self.errors.append(f"{headers[index]}: choose one of the fields.")
        chosen = set(self.columns.values())
        if kind == "calls":
            if "started_at" not in chosen:
                self.errors.append("Choose the column that says when the call started.")
            if not {"phone", "lead_id"} & chosen:
                self.errors.append("Choose the column with the phone that was dialed, or with our lead ID.")
            if not {"call_status", "disposition"} & chosen:
                self.errors.append("Choose the column with the call's status or disposition.")
        elif "phone" not in chosen and not (without_phone and "email" in chosen):
            self.errors.append(
                "Choose the column with the phone." + (" Or the one with the email." if without_phone else "")
            )
        if not self.keep_as.isprintable():
            self.errors.append("Leave control characters out of the mapping's name.")
