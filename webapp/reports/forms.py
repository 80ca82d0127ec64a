from __future__ import annotations

from datetime import date

from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, SelectField, ValidationError
from wtforms.validators import InputRequired, Optional

WHAT = {"leads:csv": "Leads, CSV", "leads:xlsx": "Leads, Excel", "calls:csv": "Calls, CSV"}


def _year(form: FlaskForm, field: DateField) -> None:
    if field.data and not date(1970, 1, 1) <= field.data <= date(2099, 12, 31):
        raise ValidationError("Enter a date between 1970 and 2099.")


class DataForm(FlaskForm):
    """Leads or calls as a file; the dates, in the company's zone, bound when a call started."""

    what = SelectField("What", [InputRequired("Choose what to export.")], choices=WHAT)
    list_id = SelectField("List", choices=[], default="")
    since = DateField("Calls from", [Optional(), _year])
    until = DateField("Calls until", [Optional(), _year], description="This day included.")
    filter = HiddenField()  # of webapp.leads.filters; then the list is not asked for
    token = HiddenField()

    def validate_until(self, field: DateField) -> None:
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError("The last day lies before the first.")
