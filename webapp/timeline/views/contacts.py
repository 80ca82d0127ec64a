"""What the lead page's buttons do: log, answer, correct, hide, plan, attach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, make_response, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.datastructures import CombinedMultiDict
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.access import get_owned_or_404, requires
from webapp.core.states import MoveRefused
from webapp.core.storage import NoSuchFile, StorageError, get_storage
from webapp.core.web import go, is_fragment, render, toast
from webapp.leads.models import Lead
from webapp.timeline import service
from webapp.timeline.files import MOST_BYTES, MOST_FILES, Kept, attach, drop_files, keep_files
from webapp.timeline.forms import (
    ComposerForm,
    CorrectionForm,
    FilesForm,
    FollowUpForm,
    HideForm,
    ResponseForm,
    TextForm,
    ZonedForm,
)
from webapp.timeline.models import ContactAttempt, ContactFile, GuardNotice
from webapp.timeline.queries.stream import list_revisions
from webapp.timeline.rules import STATUS_OF_CODE
from webapp.timeline.service import Answer, ContactRefused, StaleContact
from webapp.timeline.states import METHODS
from webapp.timeline.views import bp
from webapp.timeline.views.lead import composer_context, render_page, stream_context

ROOM = MOST_FILES * MOST_BYTES + 2 * 1024 * 1024


@bp.url_value_preprocessor
def _make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Only attachments of somebody signed in may be larger than a form. Runs before the body is read."""
    if endpoint in ("timeline.log_contact", "timeline.contact_files") and current_user.is_authenticated:
        request.max_content_length = ROOM


def _uploads() -> list[tuple[str | None, Any]]:
    return [(each.filename, each.stream) for each in request.files.getlist("files") if each.filename]


def _entry_url(contact: ContactAttempt) -> str:
    anchor = f"contact-{contact.id}"
    return url_for("leads.show", lead_id=contact.lead_id, entry=anchor) + f"#{anchor}"


# --- log -------------------------------------------------------------------------------------------------------


@bp.post("/leads/<int:lead_id>/contacts")
@requires("rep")
def log_contact(lead_id: int) -> AnyResponse:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    form = ComposerForm(CombinedMultiDict([request.form, request.files]), zone=current_user.zone_name)
    reason = request.form.get("reason", "")
    if not form.validate():
        return _composer(lead, form, 422)
    if request.form.get("late") and form.occurred_at.at is None:
        form.occurred_at.errors = ["Say when it happened."]
        return _composer(lead, form, 422)
    kept: list[Kept] = []
    try:
        kept = keep_files(_uploads())
        answer = service.log_contact(
            lead.id, form.draft(), by=current_user, token=request.form.get("override"), reason=reason,
            form_token=f"form:{request.form['form_token'][:100]}" if request.form.get("form_token") else None,
        )  # fmt: skip
    except LookupError:
        drop_files(kept)
        abort(404)
    except (ContactRefused, StorageError) as refused:
        drop_files(kept)
        return _composer(lead, _say(form, refused), 422, token=request.form.get("override"), reason=reason)
    if answer.contact is None:
        drop_files(kept)
        return _composer(lead, form, STATUS_OF_CODE[answer.decision.code], answer=answer, reason=reason)
    if answer.repeated:
        drop_files(kept)
    else:
        attach(answer.contact.id, kept, by=current_user)
        toast("Planned" if answer.contact.scheduled_for else "Logged")
    if not is_fragment():
        return go(_entry_url(answer.contact))
    fresh = ComposerForm(zone=current_user.zone_name)
    fresh.method.data = form.method.data
    context = stream_context(lead) | composer_context(lead, fresh) | {"given_token": ""}
    return make_response(render_template("timeline/_logged.html", lead=lead, logged=answer.contact, **context))


def _say(form: Any, refused: Exception) -> Any:
    name = getattr(refused, "field", "")
    if name in form:
        form[name].errors = [str(refused)]
    else:
        form.form_errors.append(str(refused))
    return form


def _composer(
    lead: Lead, form: ComposerForm, status: int, *, answer: Answer | None = None, token: str | None = None, reason: str = ""
) -> AnyResponse:  # fmt: skip
    """The composer as it stands: the words are kept, the guard's answer is above them."""
    context = composer_context(lead, form, answer=answer, reason=reason) | {
        "override": answer.token if answer else token
    }
    if is_fragment():
        return make_response(
            render_template("timeline/_composer.html", lead=lead, **context), 409 if status in (403, 429) else status
        )
    return render_page(lead, context, status)


@bp.post("/notices/<int:notice_id>/stop")
@requires("rep")
def stop_notice(notice_id: int) -> AnyResponse:
    notice = get_owned_or_404(GuardNotice, notice_id, current_user.company_id)
    try:
        service.stop(notice.id, by=current_user)
    except LookupError:
        abort(404)
    toast("Left alone. The warning is kept as heeded.")
    return go(url_for("leads.show", lead_id=notice.lead_id))


# --- afterwards --------------------------------------------------------------------------------------------------


def _contact(contact_id: int) -> ContactAttempt:
    return get_owned_or_404(ContactAttempt, contact_id, current_user.company_id)


def _version() -> int | None:
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _change(contact: ContactAttempt, form: ZonedForm, what: str, change: Callable[[], Any], done: str) -> AnyResponse:
    """A small page of one form: shown, refused with its words, or done and back to the entry."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                change()
            except StaleContact:
                status = 409
                form.form_errors.append("Somebody changed this contact meanwhile: reload to see it, then decide again.")
            except LookupError:
                abort(404)
            except ContactRefused as refused:
                _say(form, refused)
            else:
                toast(done)
                return go(_entry_url(contact))
    lead = get_owned_or_404(Lead, contact.lead_id, current_user.company_id)
    version = request.form.get("version", contact.version)
    revisions = list_revisions(contact.id, current_user.company_id)
    return render("timeline/contact.html", status=status, contact=contact, lead=lead, form=form, what=what, version=version,
                  method=METHODS[contact.method], revisions=revisions, zone=current_user.zone_name)  # fmt: skip


@bp.route("/contacts/<int:contact_id>/text", methods=["GET", "POST"])
@requires("rep")
def edit_contact(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    form = TextForm(request.form, obj=contact)
    return _change(
        contact, form, "text",
        lambda: service.edit_text(contact.id, " ".join((form.subject.data or "").split()), (form.body.data or "").strip(), by=current_user, version=_version()),
        "Changed. What it said before is kept.",
    )  # fmt: skip


@bp.route("/contacts/<int:contact_id>/correction", methods=["GET", "POST"])
@requires("rep")
def correct_contact(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    zone = current_user.zone_name
    form = CorrectionForm(request.form, zone=zone, data={"method": contact.method, "direction": contact.direction})
    if request.method == "GET":
        form.occurred_at.show(contact.occurred_at, zone)

    def change() -> Any:
        at = form.occurred_at.at
        # The browser knows minutes: the same minute is the same moment.
        if at is not None and at == contact.occurred_at.replace(second=0, microsecond=0):
            at = contact.occurred_at
        return service.correct(contact.id, by=current_user, reason=form.reason.data or "", method=form.method.data,
                               direction=form.direction.data, occurred_at=at or contact.occurred_at, version=_version())  # fmt: skip

    return _change(contact, form, "correction", change, "Corrected")


@bp.route("/contacts/<int:contact_id>/mistake", methods=["GET", "POST"])
@requires("rep")
def hide_contact(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    form = HideForm(request.form)
    return _change(
        contact, form, "mistake",
        lambda: service.hide(contact.id, by=current_user, reason=form.reason.data or "", version=_version()),
        "Taken off the count. The entry stays, with your name and reason.",
    )  # fmt: skip


@bp.post("/contacts/<int:contact_id>/restore")
@requires("rep")
def restore_contact(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    return _press(contact, lambda: service.unhide(contact.id, by=current_user), "It counts again")


@bp.route("/contacts/<int:contact_id>/response", methods=["GET", "POST"])
@requires("rep")
def contact_response(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    form = ResponseForm(request.form, zone=current_user.zone_name)
    responded = request.form.get("responded", "1") == "1"

    def change() -> Any:
        return service.set_responded(
            contact.id, responded, by=current_user, response_at=form.response_at.at if responded else None
        )

    done = "They responded: the lead is in conversation." if responded else "The response was taken back."
    return _change(contact, form, "response", change, done)


@bp.post("/contacts/<int:contact_id>/made")
@requires("rep")
def make_contact(contact_id: int) -> AnyResponse:
    """A planned contact is made now; the guard has its say again."""
    contact = _contact(contact_id)
    try:
        answer = service.make_planned(
            contact.id, by=current_user, token=request.form.get("override"), reason=request.form.get("reason")
        )
    except ContactRefused as refused:
        toast(str(refused), tone="bad")
        return go(_entry_url(contact))
    except MoveRefused:
        toast("This contact is no longer planned.", tone="bad")
        return go(_entry_url(contact))
    if answer.contact is None:
        lead = get_owned_or_404(Lead, contact.lead_id, current_user.company_id)
        status = STATUS_OF_CODE[answer.decision.code]
        return render("timeline/planned.html", status=status, contact=contact, lead=lead, answer=answer, decision=answer.decision,
                      method=METHODS[contact.method], reasons=service.REASONS, METHODS=METHODS)  # fmt: skip
    toast("Logged as made now")
    return go(_entry_url(contact))


@bp.post("/contacts/<int:contact_id>/dropped")
@requires("rep")
def drop_contact(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    return _press(contact, lambda: service.drop_planned(contact.id, by=current_user), "It will not be made")


def _press(contact: ContactAttempt, call: Callable[[], Any], done: str) -> AnyResponse:
    try:
        call()
    except LookupError:
        abort(404)
    except (ContactRefused, MoveRefused) as refused:
        toast(str(refused), tone="bad")
    else:
        toast(done)
    return go(_entry_url(contact))


@bp.route("/leads/<int:lead_id>/follow-up", methods=["GET", "POST"])
@requires("rep")
def follow_up(lead_id: int) -> AnyResponse:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    form = FollowUpForm(request.form, obj=lead)
    if request.method == "POST" and form.validate():
        day = form.follow_up_on.data
        if day is None or 2000 <= day.year <= 2100:
            service.change_follow_up(lead.id, day, by=current_user)
            toast(f"Follow up on {day:%-d %B}" if day else "No follow-up")
            return go(url_for("leads.show", lead_id=lead.id))
        form.follow_up_on.errors = ["Choose a day of this century."]
    return render("timeline/follow_up.html", status=422 if request.method == "POST" else 200, lead=lead, form=form)


# --- attachments -------------------------------------------------------------------------------------------------


@bp.route("/contacts/<int:contact_id>/files", methods=["GET", "POST"])
@requires("rep")
def contact_files(contact_id: int) -> AnyResponse:
    contact = _contact(contact_id)
    form = FilesForm(CombinedMultiDict([request.form, request.files]))

    def change() -> Any:
        uploads = _uploads()
        if not uploads:
            raise ContactRefused("Choose a file.", "files")
        kept = keep_files(uploads)
        attach(contact.id, kept, by=current_user)

    return _change(contact, form, "files", change, "Attached")


@bp.get("/contacts/files/<int:file_id>")
@requires("rep")
def contact_file(file_id: int) -> AnyResponse:
    """The attachment as a download: never shown in our origin."""
    row = get_owned_or_404(ContactFile, file_id, current_user.company_id)
    try:
        stream = get_storage().open(row.storage_key)
    except NoSuchFile:
        abort(404)
    answer = send_file(stream, mimetype="application/octet-stream", as_attachment=True, download_name=row.filename)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
