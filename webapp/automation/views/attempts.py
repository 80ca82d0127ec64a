"""Attempts: all of a project, one with its evidence, and what a person does about it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, make_response, request, send_file, url_for
from flask_login import current_user
from PIL import Image, UnidentifiedImageError
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.engine.failures import FAILURES
from webapp.automation.forms.by_hand import OverrideForm
from webapp.automation.models import AutomationAttempt, Dealership, FormMapping, Project, ProjectDealership
from webapp.automation.queries import runs as queries
from webapp.automation.queries.keyset import Cursor
from webapp.automation.queries.projects import get_user_name
from webapp.automation.service import manual
from webapp.automation.service.manual import Override, OverrideRefused
from webapp.automation.service.runs import RunRefused
from webapp.automation.states import ATTEMPT
from webapp.automation.views import bp
from webapp.automation.views.projects import find_project, may_manage, me
from webapp.core.access import get_owned_or_404, requires
from webapp.core.db import LostRace, db
from webapp.core.states import MoveRefused
from webapp.core.storage import NoSuchFile, get_storage
from webapp.core.web import go, render, toast

THUMB = (320, 225)
PICTURES = {"before": "screenshot_before_path", "after": "screenshot_after_path", "error": "screenshot_error_path"}
SANDBOX = "default-src 'none'; sandbox"
NAMES = {"before": "Before sending", "after": "Afterwards", "error": "At the end"}
SENDING = {
    "confirmed": "Confirmed by the site",
    "rejected": "Refused by the site",
    "unconfirmed": "Outcome unknown",
    "not_sent": "Nothing was sent",
}
bp.add_app_template_global(NAMES.__getitem__, "picture_name")
bp.add_app_template_global(SENDING.__getitem__, "sending")


def find_attempt(attempt_id: int) -> AutomationAttempt:
    return get_owned_or_404(AutomationAttempt, attempt_id, current_user.company_id)


@bp.app_template_global()
def thumb_of(attempt: Any) -> str | None:
    """Which picture tells most of an attempt; None without any."""
    for what in ("after", "error", "before"):
        if getattr(attempt, PICTURES[what]):
            return what
    return None


@bp.app_template_global()
def say_settled(attempt: Any) -> str:
    """Who settled an unknown outcome, and how; "" while nobody has."""
    if attempt.settled_by_id is None:
        return ""
    words = "they have it" if attempt.status == "success" else "they have not got it"
    return f"Settled by {get_user_name(attempt.settled_by_id)}: {words}"


@bp.app_template_global()
def retry_facts(member: ProjectDealership) -> dict[str, Any]:
    """For the retry of one dealership: whether it is `open` to one, the run that is going on, the attempt whose message the site refused."""
    return {
        "open": member.contact_status in ("pending", "failed", "blocked") and member.submission != "unconfirmed",
        "active": queries.find_active(member.project_id),
        "refused": queries.find_refused(member),
    }


@bp.get("/projects/<int:project_id>/attempts")
@requires("rep")
def project_attempts(project_id: int) -> Response:
    project = find_project(project_id)
    wanted = queries.Wanted.parse(request.args)
    page = queries.list_attempts(project, wanted, Cursor.parse(request.args))
    kept = wanted.params()

    def turn(**where: Any) -> str:
        return url_for("automation.project_attempts", project_id=project.id, **where)

    return render(
        "automation/project_attempts.html", "table", project=project, page=page, wanted=wanted, total=queries.count_attempts(project, wanted),
        here_url=turn(), pills=_pills(kept, turn), prev_url=turn(**kept, before=page.prev) if page.prev else None,
        next_url=turn(**kept, after=page.next) if page.next else None,
        kinds=[(kind.value, failure.label) for kind, failure in FAILURES.items()], statuses=[(s.name, s.label) for s in ATTEMPT],
        sent=list(queries.SENT.items()),
    )  # fmt: skip


def _pills(kept: dict[str, Any], turn: Callable[..., str]) -> list[dict[str, str]]:
    said: dict[str, tuple[str, Callable[[Any], str]]] = {
        "run": ("Run", str), "error": ("Error", lambda name: FAILURES[name].label), "status": ("Result", lambda name: ATTEMPT[name].label),
        "sent": ("Runs", queries.SENT.__getitem__), "from_date": ("From", str), "to_date": ("To", str),
    }  # fmt: skip
    return [
        {"label": said[name][0], "value": said[name][1](value), "href": turn(**{k: v for k, v in kept.items() if k != name})}
        for name, value in kept.items()
    ]  # fmt: skip


@bp.get("/attempts/<int:attempt_id>")
@requires("rep")
def attempt(attempt_id: int) -> Response:
    return _attempt_page(find_attempt(attempt_id))


def _attempt_page(row: AutomationAttempt, status: int = 200, error: str = "") -> Response:
    member = db.session.get_one(ProjectDealership, row.project_dealership_id)
    before, after = queries.find_neighbours(row)
    mapping = db.session.get(FormMapping, row.form_mapping_id) if row.form_mapping_id else None
    return render(
        "automation/attempt.html", status=status, attempt=row, member=member, dealership=db.session.get_one(Dealership, member.dealership_id),
        project=db.session.get_one(Project, row.project_id), before=before, after=after, mapping=mapping, error=error, may_manage=may_manage(),
        failure=FAILURES[row.error_type] if row.error_type else None, unsettled=queries.find_unsettled(member) is row, facts=retry_facts(member),  # type: ignore[index]
        pictures=[what for what, column in PICTURES.items() if getattr(row, column)],
    )  # fmt: skip


@bp.get("/attempts/<int:attempt_id>/evidence/<any(before, after, error, source):picture>")
@requires("rep")
def evidence(attempt_id: int, picture: str) -> AnyResponse:
    """`?thumb=1` a small JPEG. The page's source is hostile HTML: handed out as text, to be saved."""
    row = find_attempt(attempt_id)
    key = row.page_source_path if picture == "source" else getattr(row, PICTURES[picture])
    if not key:
        abort(404)
    try:
        stream = get_storage().open(key)
    except NoSuchFile:
        abort(404)
    if picture == "source":
        answer = send_file(
            stream, mimetype="text/plain", as_attachment=True, download_name=f"attempt-{row.id}.html.txt"
        )
    elif request.args.get("thumb"):
        with stream:
            answer = make_response(_small(stream.read()))
        answer.mimetype = "image/jpeg"
    else:
        answer = send_file(stream, mimetype="image/png", download_name=f"attempt-{row.id}-{picture}.png")
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


def size_of(key: str) -> tuple[int, int] | None:
    """Of a kept picture, in pixels; None when it is gone."""
    try:
        with get_storage().open(key) as stream, Image.open(stream) as picture:
            return picture.size
    except (NoSuchFile, UnidentifiedImageError, OSError):
        return None


def _small(png: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(png)) as picture:
            shown = picture.convert("RGB")
            shown = shown.crop((0, 0, shown.width, min(shown.height, round(shown.width * THUMB[1] / THUMB[0]))))
            shown.thumbnail(THUMB)
            kept = io.BytesIO()
            shown.save(kept, "JPEG", quality=78)
            return kept.getvalue()
    except (UnidentifiedImageError, OSError):
        abort(404)


@bp.post("/attempts/<int:attempt_id>/settlement")
@requires("manager")
def settle_attempt(attempt_id: int) -> AnyResponse:
    row = find_attempt(attempt_id)
    arrived = request.form.get("arrived", "")
    if arrived not in ("yes", "no"):
        return _attempt_page(row, 422, "Say whether they have it.")
    try:
        manual.settle_unknown(
            attempt_id,
            arrived=arrived == "yes",
            by=me(),
            notes=request.form.get("notes", "")[:5000].replace("\x00", ""),
        )
    except OverrideRefused as refused:
        return _attempt_page(find_attempt(attempt_id), 409, str(refused))
    toast("Settled: they have it." if arrived == "yes" else "Settled: it may be tried again.")
    return go(url_for("automation.attempt", attempt_id=attempt_id))


# --- by hand ---------------------------------------------------------------------------------------------------------------


def find_member(project_dealership_id: int) -> ProjectDealership:
    return get_owned_or_404(ProjectDealership, project_dealership_id, current_user.company_id)


@bp.route("/project-dealerships/<int:project_dealership_id>/override", methods=["GET", "POST"])
@requires("manager")
def override_status(project_dealership_id: int) -> AnyResponse:
    member = find_member(project_dealership_id)
    zone = ZoneInfo(me().zone_name)
    if request.method == "GET":
        return _override_page(member, OverrideForm(contacted_at=datetime.now(zone)))
    form = OverrideForm(request.form)
    if not form.validate():
        return _override_page(member, form, 422)
    at = form.contacted_at.data.replace(tzinfo=zone) if form.contacted_at.data else None
    given = Override(form.new_status.data, form.notes.data, form.contact_method.data, at, form.follow_up_on.data)
    try:
        manual.override(project_dealership_id, given, by=me())
    except OverrideRefused as refused:
        form[refused.field or "new_status"].errors = [str(refused)]
        return _override_page(member, form, 422)
    except (LostRace, MoveRefused) as refused:
        form.new_status.errors = [f"Not now: {refused}."]
        return _override_page(find_member(project_dealership_id), form, 409)
    toast("Marked as contacted." if given.new_status == "manual_override" else "Skipped.")
    return go(url_for("automation.project_dealership", project_dealership_id=project_dealership_id))


def _override_page(member: ProjectDealership, form: OverrideForm, status: int = 200) -> Response:
    return render(
        "automation/override.html", status=status, member=member, form=form, zone=me().zone_name,
        dealership=db.session.get_one(Dealership, member.dealership_id), project=db.session.get_one(Project, member.project_id),
    )  # fmt: skip


@bp.post("/project-dealerships/<int:project_dealership_id>/retry")
@requires("manager")
def retry_member(project_dealership_id: int) -> AnyResponse:
    """`dry_run` set: filled, not sent."""
    find_member(project_dealership_id)
    here = url_for("automation.project_dealership", project_dealership_id=project_dealership_id)
    try:
        run = manual.retry_now(
            project_dealership_id,
            by=me(),
            dry_run=request.form.get("dry_run") == "1",
            form_token=request.form.get("form_token", "")[:100] or None,
        )
    except (RunRefused, MoveRefused) as refused:
        toast(str(refused), tone="bad")
        return go(here)
    if len(run.chosen or ()) != 1:
        toast("It comes first in the run that is going on.")
    return go(url_for("automation.run", run_id=run.id))
