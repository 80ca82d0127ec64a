"""The gallery's pages. Outside development and tests each answers 404."""

from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, FileField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Email, InputRequired, NumberRange, Optional

from webapp.core.web import is_fragment, toast
from webapp.gallery import samples

bp = Blueprint("gallery", __name__, url_prefix="/gallery")
PAGES = ("list", "record", "desk", "problems", "forms", "feedback", "numbers", "parts")
ERRORS = (403, 404, 409, 413, 422, 429, 500, 503)
PER_PAGE = 12


class LeadForm(FlaskForm):
    name = StringField("Name", [InputRequired("Enter the lead's name.")], description="A person or a business.")
    email = StringField("Email", [Optional(), Email("Enter an address like name@example.com.")])
    phone = StringField("Phone", [InputRequired("Enter a phone number.")])
    attempts = IntegerField(
        "Dials per pass", [InputRequired("Enter a number."), NumberRange(1, 20, "Between 1 and 20.")]
    )
    zone = SelectField(
        "Time zone",
        choices={"": "From the postal code", "America/Chicago": "Chicago", "America/Denver": "Denver"},
    )
    notes = TextAreaField("Notes", [Optional()])
    order = RadioField("Lead order", choices={"oldest": "Oldest first", "newest": "Newest first"}, default="oldest")
    active = BooleanField("Active", description="Inactive campaigns keep their leads and dial nobody.")
    file = FileField("Lead file", [Optional()], description="CSV or Excel, up to 50 MB.")


@bp.before_request
def _only_in_development() -> None:
    if current_app.config["SETTINGS"].env not in ("development", "test"):
        abort(404)


@bp.get("/")
def index() -> Any:
    return redirect(url_for("gallery.show", page="list"))


@bp.get("/<page>")
def show(page: str) -> Any:
    if page not in PAGES:
        abort(404)
    if page == "list":
        return _list()
    context: dict[str, Any] = {"pages": PAGES, "page": page, "samples": samples, "now": samples.NOW}
    if page == "forms":
        context |= {"plain": LeadForm(formdata=None), "bad": _bad_form()}
    if page == "parts":
        context["icons"] = samples.icons(str(current_app.static_folder))
    if page == "numbers":
        context |= samples.charts_data()
    return render_template(f"gallery/{page}.html", **context)


def _list() -> Any:
    args = request.args
    q, statuses, owner, sort = (
        args.get("q", ""),
        args.getlist("status"),
        args.get("owner", ""),
        args.get("sort", "name"),
    )
    found = [
        lead for lead in samples.leads()
        if q.lower() in f"{lead.name} {lead.business}".lower()
        and (not statuses or (lead.status or "none") in statuses)
        and (not owner or str(lead.owner_id) == owner)
    ]  # fmt: skip
    key = sort.lstrip("-")
    if key in ("name", "attempts", "value"):
        found.sort(key=lambda lead: getattr(lead, key), reverse=sort.startswith("-"))
    at = max(0, args.get("page", 0, type=int))
    context = {
        "pages": PAGES, "page": "list", "samples": samples, "rows": found[at * PER_PAGE : (at + 1) * PER_PAGE],
        "total": len(found), "first": at * PER_PAGE + 1, "at": at, "more": (at + 1) * PER_PAGE < len(found),
        "q": q, "statuses": statuses, "owner": owner, "sort": sort,
    }  # fmt: skip
    return render_template("gallery/_table.html" if is_fragment() else "gallery/list.html", **context)


def _bad_form() -> LeadForm:
    form = LeadForm(
        formdata=MultiDict({"email": "ana@", "attempts": "99", "order": "oldest", "notes": "Kept as typed."}),
        meta={"csrf": False},
    )
    form.validate()
    return form


@bp.post("/form")
def save_form() -> Any:
    form = LeadForm()
    if not form.validate():
        return render_template("gallery/_form.html", form=form), 422
    toast("Lead saved", action_label="Undo", action_url=url_for("gallery.act", what="undone"))
    if is_fragment():
        return render_template("gallery/_form.html", form=LeadForm(formdata=None))
    return redirect(url_for("gallery.show", page="forms"))


@bp.post("/act/<what>")
def act(what: str) -> Any:
    if what == "broken":
        abort(500)
    toast(f"{what.capitalize()}.", tone="bad" if what == "failed" else "ok")
    return "" if is_fragment() else redirect(request.referrer or url_for("gallery.index"))


@bp.route("/status", methods=["GET", "POST"])
def status() -> Any:
    state = samples.STATES.get(request.values.get("status", "contacted"), samples.STATES["contacted"])
    editing = request.method == "GET" and "edit" in request.args
    return render_template("gallery/_status.html", state=state, editing=editing, samples=samples)


@bp.route("/work/<int:work_id>", methods=["GET", "POST"])
def work(work_id: int) -> Any:
    row = next((each for each in samples.works() if each.id == work_id), None) or abort(404)
    if str(row.version) == request.args.get("v"):
        return "", 204
    return render_template("gallery/_work.html", work=row)


@bp.get("/error/<int:code>")
def error(code: int) -> Any:
    abort(code if code in ERRORS else 404)


@bp.get("/bare")
def bare() -> Any:
    return render_template("gallery/bare.html", form=LeadForm(formdata=None))
