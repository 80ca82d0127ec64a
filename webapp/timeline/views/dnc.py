"""The do-not-contact list, and what of it stands on one lead's page."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires
from webapp.core.text import phone, plural
from webapp.core.web import go, render, toast
from webapp.leads.models import Lead
from webapp.timeline import dnc as service
from webapp.timeline.dnc_forms import DncForm, DncManyForm, LeadDncForm, LiftForm
from webapp.timeline.models import DncEntry
from webapp.timeline.queries import dnc as queries
from webapp.timeline.rules import Block, blocks_method
from webapp.timeline.states import METHODS
from webapp.timeline.views import bp

METHOD_CHOICES = {"all": "All methods"} | {name: method.label for name, method in METHODS.items()}


def _after() -> int | None:
    text = request.args.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _one_of(name: str, choices: dict[str, str]) -> str:
    value = request.args.get(name, "")
    return value if value in choices else ""


@bp.get("/dnc")
@requires("rep")
def dnc() -> Response:
    q = " ".join(request.args.get("q", "").replace("\x00", " ").split())[:100]
    kind, method = _one_of("kind", service.KINDS), _one_of("method", METHOD_CHOICES)
    lifted = request.args.get("show") == "lifted"
    page = queries.list_dnc(
        current_user.company_id, q=q, kind=kind, method=method, lifted=lifted, after=_after(),
        country=current_user.company.country,
    )  # fmt: skip
    return render(
        "timeline/dnc.html", "region", page=page, q=q, kind=kind, method=method, lifted=lifted, kinds=service.KINDS,
        methods=METHOD_CHOICES, sources=service.SOURCES, first_page=_after() is None,
    )  # fmt: skip


@bp.route("/dnc/new", methods=["GET", "POST"])
@requires("rep")
def add_dnc() -> AnyResponse:
    if request.method == "GET":
        return render("timeline/dnc_new.html", form=DncForm(value=request.args.get("value", "")[:320]))
    form = DncForm(request.form, country=current_user.company.country)
    if not form.validate():
        return render("timeline/dnc_new.html", status=422, form=form)
    done = service.add_entries(form.values, form.reason.data or "", method=form.method.data, by=current_user)
    [(kind, value)] = form.values
    named = phone(value) if kind == "phone" else value
    if done.added:
        toast(f"{named} is blocked." + (f" {plural(done.leads, 'lead')} set to Do Not Call." if done.leads else ""))
    else:
        toast(f"{named} was blocked before.", tone="info")
    return go(url_for("timeline.dnc"))


@bp.route("/dnc/import", methods=["GET", "POST"])
@requires("manager")
def import_dnc() -> AnyResponse:
    """Lines or a file; what would happen; then, sent again with `confirm`, it does."""
    if request.method == "GET":
        return render("timeline/dnc_import.html", form=DncManyForm())
    form = DncManyForm(request.form)
    form.validate()
    lines = _lines(form)
    if not lines and not form.errors:
        form.lines.errors = ["Paste at least one line, or choose a file."]
    elif len(lines) > service.MAX_LINES:
        form.lines.errors = [f"At most {service.MAX_LINES:,} lines at once; there are {len(lines):,}."]
    if form.errors:
        return render("timeline/dnc_import.html", status=422, form=form)
    method = form.method.data
    values, refused = service.parse_lines(lines, current_user.company.country, method)
    if "confirm" not in request.form:
        found = service.preview_entries(current_user.company_id, values, method)
        return render("timeline/dnc_import.html", form=form, found=found, values=values, refused=refused)
    done = service.add_entries(values, form.reason.data or "", method=method, source="import", by=current_user)
    text = f"{plural(done.added, 'entry', 'entries')} added, {done.known:,} blocked before."
    toast(text + (f" {plural(done.leads, 'lead')} set to Do Not Call." if done.leads else ""))
    return go(url_for("timeline.dnc"))


def _lines(form: DncManyForm) -> list[str]:
    """The pasted lines, then the file's; a file is read as UTF-8, else as Windows writes it."""
    text = form.lines.data or ""
    upload = request.files.get("file")
    raw = upload.read() if upload is not None else b""
    try:
        text += "\n" + raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text += "\n" + raw.decode("cp1252", "replace")
    return [line for line in text.replace("\x00", " ").splitlines() if line.strip()]


@bp.route("/dnc/<int:entry_id>/lift", methods=["GET", "POST"])
@requires("manager")
def lift_dnc(entry_id: int) -> AnyResponse:
    entry = get_owned_or_404(DncEntry, entry_id, current_user.company_id)
    form = LiftForm(request.form if request.method == "POST" else None)
    name = _name(entry)
    if request.method == "GET" or not form.validate():
        return render(
            "timeline/dnc_lift.html", status=422 if form.errors else 200, form=form, entry=entry, name=name,
            leads=queries.count_released(entry), companions=bool(queries.find_companions(entry)), methods=METHOD_CHOICES,
        )  # fmt: skip
    released = service.lift_entry(entry, form.reason.data or "", release_leads=bool(form.release.data), by=current_user)
    if released is None:
        toast("Somebody had lifted it before.", tone="warn")
    else:
        toast(f"{name} may be contacted again." + (f" {plural(released, 'lead')} set to New." if released else ""))
    return go(url_for("timeline.dnc"))


def _name(entry: DncEntry) -> str:
    if entry.kind == "lead":
        return queries.name_leads([entry]).get(int(entry.value), f"Lead {entry.value}")
    return phone(entry.value) if entry.kind == "phone" else entry.value


@bp.route("/leads/<int:lead_id>/dnc", methods=["GET", "POST"])
@requires("rep")
def lead_dnc(lead_id: int) -> AnyResponse:
    """What blocks the lead, and the form that blocks it; the same part stands on the lead's own page."""
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    if request.method == "GET":
        return render("timeline/dnc_lead.html", lead=lead, form=LeadDncForm())
    form = LeadDncForm(request.form)
    if not form.validate():
        return render("timeline/dnc_lead.html", status=422, lead=lead, form=form)
    method = form.method.data
    try:
        new = service.block_lead(lead.id, method, form.reason.data or "", by=current_user)
    except LookupError:
        abort(404)
    how = f" by {METHODS[method].label}" if method else ""
    if new:
        toast(f"{lead.name} may no longer be contacted{how}.")
    else:
        toast(f"{lead.name} was blocked{how} before.", tone="info")
    return go(url_for("leads.show", lead_id=lead.id))


@bp.app_template_global("lead_dnc")
def _lead_dnc(lead: Lead) -> dict[str, Any]:
    """What templates/timeline/_lead_dnc.html draws, wherever it is included with a `lead`."""
    return {"found": queries.get_lead_dnc(lead.company_id, lead.id), "form": LeadDncForm(), "sources": service.SOURCES}


@bp.app_template_filter("closed_methods")
def _closed_methods(block: Block) -> str:
    """ "Email and Web form", "All methods": what a block closes."""
    names = [method.label for name, method in METHODS.items() if blocks_method(block, name)]
    if len(names) == len(METHODS):
        return "All methods"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
