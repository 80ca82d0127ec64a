"""Settings, Notifications: a person's own copy, and for admins the company's channels."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts.models import User
from webapp.accounts.service import Refused
from webapp.accounts.tabs import add_tab
from webapp.core.access import requires, role_at_least
from webapp.core.states import State
from webapp.core.web import go, local_path, render, toast
from webapp.notifications import channels, queries
from webapp.notifications.delivering import try_channel
from webapp.notifications.forms import TARGET_HINTS, ChannelForm, OwnCopyForm
from webapp.notifications.kinds import label_of
from webapp.notifications.models import CHANNEL_KINDS, Channel
from webapp.notifications.rules import ALARM_AT, TRIES, mask_target
from webapp.notifications.states import DELIVERY
from webapp.notifications.views import bp

add_tab("Notifications", "notifications.settings")

ICONS = {"email": "mail", "slack": "message-square", "teams": "users", "webhook": "webhook"}
TEST, SECRET = "channel_test", "channel_secret"  # what the next page shows once


def health_of(channel: Channel) -> State:
    """For a pill."""
    if not channel.active:
        return State("paused", "Paused", "neutral", icon="pause")
    if channel.failures >= ALARM_AT:
        return State("failing", "Failing", "bad", icon="circle-x")
    if channel.failures:
        return State("retrying", "Trying again", "warn", icon="rotate-ccw")
    if channel.last_success_at is None:
        return State("unused", "Not used yet", "neutral", icon="circle-dashed")
    return State("works", "Works", "ok", icon="circle-check")


bp.add_app_template_filter(label_of, "alert_label")


@bp.app_context_processor
def channel_words() -> dict[str, Any]:
    return {"channel_health": health_of, "mask_target": mask_target, "failing_channels": failing_channels}


def failing_channels() -> list[Channel]:
    """For `notifications/_failing.html`, on any page: the company's, for those who can do something about them."""
    admin = current_user.is_authenticated and role_at_least(current_user.role, "admin")
    return queries.list_failing(current_user.company_id) if admin else []


def _me() -> User:
    user: User = current_user._get_current_object()
    return user


def _settings() -> Any:
    return current_app.config["SETTINGS"]


def _get(channel_id: int) -> Channel:
    row = queries.find_channel(current_user.company_id, channel_id)
    if row is None:
        abort(404)
    return row


@bp.get("/settings/notifications")
@requires("rep")
def settings() -> AnyResponse:
    return _page(None)


def _page(form: OwnCopyForm | None, status: int = 200) -> Response:
    admin = role_at_least(current_user.role, "admin")
    rows, own = queries.list_channels(current_user.company_id) if admin else [], queries.find_own_copy(current_user)
    return render(
        "notifications/settings.html", status=status, form=form or OwnCopyForm.of(own), own=own, rows=rows, admin=admin,
        labels=channels.KIND_LABELS, icons=ICONS, mails=bool(_settings().smtp_url),
    )  # fmt: skip


@bp.post("/settings/notifications/mine")
@requires("rep")
def own_copy() -> AnyResponse:
    form = OwnCopyForm(request.form)
    if not form.validate():
        return _page(form, 422)
    changed = channels.set_own_copy(bool(form.wanted.data), form.chosen, by=_me())
    toast("Saved." if changed else "Nothing had changed.")
    return go(url_for("notifications.settings"))


@bp.route("/settings/notifications/new", methods=["GET", "POST"])
@requires("admin")
def new_channel() -> AnyResponse:
    kind = request.args.get("kind", "")
    if kind not in CHANNEL_KINDS:
        return render("notifications/kinds.html", labels=channels.KIND_LABELS, icons=ICONS, hints=TARGET_HINTS)
    if request.method == "GET":
        return _form_page(ChannelForm(kind))
    form = ChannelForm(kind, request.form)
    if not form.validate() or not _target_may_be_used(form):
        return _form_page(form, 422)
    token = request.form.get("form_token", "")
    if not 8 <= len(token) <= 100:
        abort(422, "The form is incomplete. Reload the page and send it again.")
    try:
        row = channels.add_channel(kind, form.name.data, form.target.data, form.chosen, form_token=token, by=_me())
    except Refused as refusal:
        form.form_errors.append(str(refusal))
        return _form_page(form, 422)
    if row is None:
        return go(url_for("notifications.settings"))
    if row.secret:
        session[SECRET] = {"id": row.id, "value": row.secret}
    toast(f"{row.name} is added. Send a test to see that it works.")
    return go(url_for("notifications.channel", channel_id=row.id))


def _target_may_be_used(form: ChannelForm) -> bool:
    """A new URL has to lead to a host that may be contacted; mail goes through the installation's own server."""
    if form.kind == "email" or (form.row is not None and form.row.target == form.target.data):
        return True
    try:
        channels.check_target(form.target.data, current_user.company_id)
    except Refused as refusal:
        form.target.errors = [str(refusal)]
        return False
    return True


def _form_page(form: ChannelForm, status: int = 200) -> Response:
    return render(
        "notifications/channel_new.html", status=status, form=form, kind=form.kind, labels=channels.KIND_LABELS, tries=TRIES,
        mails=bool(_settings().smtp_url),
    )  # fmt: skip


@bp.route("/settings/notifications/<int:channel_id>", methods=["GET", "POST"])
@requires("admin")
def channel(channel_id: int) -> AnyResponse:
    row = _get(channel_id)
    if request.method == "GET":
        return _channel_page(row, ChannelForm.of(row))
    form = ChannelForm(row.kind, request.form, row=row)
    if not form.validate() or not _target_may_be_used(form):
        return _channel_page(row, form, 422)
    changed = channels.change_channel(row, form.name.data, form.target.data, form.chosen, by=_me())
    toast("Channel saved." if changed else "Nothing had changed.")
    return go(url_for("notifications.channel", channel_id=row.id))


def _channel_page(row: Channel, form: ChannelForm, status: int = 200) -> Response:
    if form.errors and row.kind != "email" and form.target.data == row.target:
        form.target.data = ""  # what was kept is not told
    tested, made = session.get(TEST, {}), session.get(SECRET, {})
    shown = {"name": row.name, "value": session.pop(SECRET)["value"]} if made.get("id") == row.id else None
    return render(
        "notifications/channel.html", status=status, form=form, row=row, kind=row.kind, labels=channels.KIND_LABELS, states=DELIVERY,
        sent=queries.list_deliveries(row), shown=shown, tested=session.pop(TEST) if tested.get("id") == row.id else None,
        tries=TRIES, mails=bool(_settings().smtp_url),
    )  # fmt: skip


@bp.post("/settings/notifications/<int:channel_id>/test")
@requires("admin")
def send_test(channel_id: int) -> AnyResponse:
    row = _get(channel_id)
    outcome = try_channel(row, current_user.company.name, _settings())
    session[TEST] = {"id": channel_id, "ok": outcome.ok, "text": outcome.words}
    return go(url_for("notifications.channel", channel_id=channel_id))


@bp.post("/settings/notifications/<int:channel_id>/pause")
@requires("admin")
def pause_channel(channel_id: int) -> AnyResponse:
    row, active = _get(channel_id), request.form.get("active") == "yes"
    if channels.pause_channel(row, active=active, by=_me()):
        toast(f"{row.name} gets alerts again." if active else f"{row.name} is paused. New alerts pass it by.")
    return go(local_path(request.form.get("next"), url_for("notifications.channel", channel_id=channel_id)))


@bp.post("/settings/notifications/<int:channel_id>/remove")
@requires("admin")
def remove_channel(channel_id: int) -> AnyResponse:
    row = _get(channel_id)
    channels.remove_channel(row, by=_me())
    toast(f"{row.name} is removed.")
    return go(url_for("notifications.settings"))


@bp.post("/settings/notifications/<int:channel_id>/secret")
@requires("admin")
def renew_secret(channel_id: int) -> AnyResponse:
    row = _get(channel_id)
    if row.kind != "webhook":
        abort(409, "Only a webhook has a signing secret.")
    session[SECRET] = {"id": row.id, "value": channels.renew_secret(row, by=_me())}
    return go(url_for("notifications.channel", channel_id=channel_id))


@bp.post("/settings/notifications/<int:channel_id>/deliveries/<int:delivery_id>/again")
@requires("admin")
def send_again(channel_id: int, delivery_id: int) -> AnyResponse:
    row = queries.find_delivery(current_user.company_id, channel_id, delivery_id)
    if row is None:
        abort(404)
    channels.send_again(row, by=_me())
    toast("It is sent again.")
    return go(url_for("notifications.channel", channel_id=channel_id))
