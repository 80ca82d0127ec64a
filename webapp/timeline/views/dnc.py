"""The do-not-contact list."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires
from webapp.core.text import plural
from webapp.core.web import go, render, toast
from webapp.timeline import dnc as service
from webapp.timeline.dnc_forms import DncForm, DncManyForm, LiftForm
from webapp.timeline.models import DncEntry
from webapp.timeline.queries import dnc as queries
from webapp.timeline.views import bp


def _after() -> int | None:
    text = request.args.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


@bp.get("/dnc")
@requires("rep")
def dnc() -> Response:
    return _page(DncForm())


def _page(form: DncForm, status: int = 200) -> Response:
    q = " ".join(request.args.get("q", "").replace("\x00", " ").split())[:100]
    kind = request.args.get("kind", "") if request.args.get("kind") in service.KINDS else ""
    lifted = request.args.get("show") == "lifted"
    page = queries.list_dnc(
        current_user.company_id, q=q, kind=kind, lifted=lifted, after=_after(), country=current_user.company.country
    )
    return render(
        "timeline/dnc.html", "region" if status == 200 else None, status=status, page=page, q=q, kind=kind, lifted=lifted,
        kinds=service.KINDS, form=form, first_page=_after() is None,
    )  # fmt: skip


@bp.route("/dnc/new", methods=["GET", "POST"])
@requires("rep")
def add_dnc() -> AnyResponse:
    form = DncForm(request.form if request.method == "POST" else None, country=current_user.company.country)
    if request.method == "GET":
        return render("timeline/dnc_new.html", form=form)
    if not form.validate():
        return render("timeline/dnc_new.html", status=422, form=form)
    done = service.add_entries(form.values, form.reason.data or "", by=current_user)
    value = form.values[0][1]
    if done.added:
        toast(f"{value} is blocked." + (f" {plural(done.leads, 'lead')} set to Do Not Call." if done.leads else ""))
    else:
        toast(f"{value} was blocked before.", tone="info")
    return go(url_for("timeline.dnc"))


@bp.route("/dnc/import", methods=["GET", "POST"])
@requires("manager")
def import_dnc() -> AnyResponse:
    form = DncManyForm(request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render("timeline/dnc_import.html", form=form, done=None)
    form.validate()
    lines = _lines(form)
    if not lines and not form.errors:
        form.lines.errors = ["Paste at least one line, or choose a file."]
    elif len(lines) > service.MAX_LINES:
        form.lines.errors = [f"At most {service.MAX_LINES:,} lines at once; there are {len(lines):,}."]
    if form.errors:
        return render("timeline/dnc_import.html", status=422, form=form, done=None)
    values, refused = service.parse_lines(lines, current_user.company.country)
    done = service.add_entries(values, form.reason.data or "", source="import", by=current_user)
    done.refused = refused
    return render("timeline/dnc_import.html", form=DncManyForm(), done=done)


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
    leads = queries.count_dnc_leads(entry)
    if request.method == "GET" or not form.validate():
        return render("timeline/dnc_lift.html", status=422 if form.errors else 200, form=form, entry=entry, leads=leads)
    released = service.lift_entry(entry, form.reason.data or "", release_leads=bool(form.release.data), by=current_user)
    if released is None:
        toast("Somebody had lifted it before.", tone="warn")
    else:
        toast(
            f"{entry.value} may be contacted again." + (f" {plural(released, 'lead')} set to New." if released else "")
        )
    return go(url_for("timeline.dnc"))
