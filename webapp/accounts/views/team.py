"""The team and the API keys: admins only. What is shown once travels in the session to the next page."""

from __future__ import annotations

from flask import Response, abort, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts import queries
from webapp.accounts.forms import InviteForm, KeyForm, RoleForm
from webapp.accounts.models import ApiKey, Invitation, User
from webapp.accounts.service import Refused, people, workspace
from webapp.accounts.views import bp
from webapp.accounts.views.settings import _me
from webapp.core.access import get_owned_or_404, requires
from webapp.core.clock import read_now
from webapp.core.web import go, render, toast

SHOWN_ONCE = "shown_once"


@bp.get("/settings/team")
@requires("admin")
def team() -> Response:
    return _team_page(InviteForm())


@bp.route("/settings/team/invite", methods=["GET", "POST"])
@requires("admin")
def invite() -> AnyResponse:
    if request.method == "GET":
        return render("accounts/invite.html", form=InviteForm())
    form = InviteForm(request.form)
    if not form.validate():
        return render("accounts/invite.html", status=422, form=form)
    try:
        token = people.invite(form.email.data, form.role.data, form_token=_form_token(), by=_me())
    except Refused as refusal:
        form.email.errors = [str(refusal)]
        return render("accounts/invite.html", status=422, form=form)
    if token:
        _show_once("link", url_for("accounts.invitation", token=token, _external=True), form.email.data)
    return go(url_for("accounts.team"))


@bp.post("/settings/team/invitations/<int:invitation_id>/revoke")
@requires("admin")
def revoke_invitation(invitation_id: int) -> AnyResponse:
    row = get_owned_or_404(Invitation, invitation_id, current_user.company_id)
    if row.purpose != "invite":
        abort(404)
    if people.revoke_invitation(row, by=_me()):
        toast(f"The invitation of {row.email} is withdrawn.")
    else:
        toast("That invitation was accepted or withdrawn before.", tone="warn")
    return go(url_for("accounts.team"))


@bp.get("/settings/team/<int:user_id>")
@requires("admin")
def member(user_id: int) -> Response:
    user = get_owned_or_404(User, user_id, current_user.company_id)
    return _member_page(user, RoleForm(role=user.role))


@bp.post("/settings/team/<int:user_id>/role")
@requires("admin")
def change_role(user_id: int) -> AnyResponse:
    user = get_owned_or_404(User, user_id, current_user.company_id)
    form = RoleForm(request.form)
    if not form.validate():
        return _member_page(user, form, 422)
    try:
        changed = people.change_role(user, form.role.data, by=_me())
    except Refused as refusal:
        form.role.errors = [str(refusal)]
        return _member_page(user, form, 422)
    toast(f"{user.name} is now {people.ROLE_LABELS[user.role].lower()}." if changed else "Nothing had changed.")
    # Whoever gives up being an admin may not see this page any more.
    return go(
        url_for("accounts.member", user_id=user.id) if user.id != current_user.id else url_for("accounts.settings")
    )


@bp.post("/settings/team/<int:user_id>/deactivate")
@requires("admin")
def deactivate(user_id: int) -> AnyResponse:
    user = get_owned_or_404(User, user_id, current_user.company_id)
    try:
        people.deactivate(user, by=_me())
    except Refused as refusal:
        form = RoleForm(role=user.role)
        form.form_errors.append(str(refusal))
        return _member_page(user, form, 422)
    toast(
        f"{user.name} is deactivated and signed out everywhere.", action_label="Undo",
        action_url=url_for("accounts.reactivate", user_id=user.id),
    )  # fmt: skip
    return go(url_for("accounts.member", user_id=user.id))


@bp.post("/settings/team/<int:user_id>/reactivate")
@requires("admin")
def reactivate(user_id: int) -> AnyResponse:
    user = get_owned_or_404(User, user_id, current_user.company_id)
    if people.reactivate(user, by=_me()):
        toast(f"{user.name} can sign in again.")
    return go(url_for("accounts.member", user_id=user.id))


@bp.post("/settings/team/<int:user_id>/reset-link")
@requires("admin")
def make_reset_link(user_id: int) -> AnyResponse:
    user = get_owned_or_404(User, user_id, current_user.company_id)
    if not user.is_active:
        abort(409, f"{user.name} is deactivated. Reactivate first.")
    token = people.make_reset_link(user, by=_me())
    _show_once("link", url_for("accounts.reset", token=token, _external=True), user.name)
    return go(url_for("accounts.member", user_id=user.id))


def _team_page(form: InviteForm) -> Response:
    company_id = current_user.company_id
    return render(
        "accounts/team.html", form=form, users=queries.list_users(company_id),
        invitations=queries.list_open_invitations(company_id), now=read_now(), shown=_take_shown("link"),
        roles=people.ROLE_LABELS, days=people.INVITATION_DAYS,
    )  # fmt: skip


def _member_page(user: User, form: RoleForm, status: int = 200) -> Response:
    return render(
        "accounts/member.html", status=status, form=form, user=user, sessions=queries.list_live_sessions(user),
        shown=_take_shown("link"), roles=people.ROLE_LABELS, hours=people.ADMIN_RESET_HOURS,
    )  # fmt: skip


# --- API keys ------------------------------------------------------------------------------------------


@bp.get("/settings/keys")
@requires("admin")
def keys() -> Response:
    rows = queries.list_keys(current_user.company_id)
    names = queries.name_users(current_user.company_id, {row.created_by_id for row in rows if row.created_by_id})
    return render("accounts/keys.html", keys=rows, names=names, form=KeyForm(), shown=_take_shown("key"))


@bp.route("/settings/keys/new", methods=["GET", "POST"])
@requires("admin")
def create_key() -> AnyResponse:
    if request.method == "GET":
        return render("accounts/key.html", form=KeyForm())
    form = KeyForm(request.form)
    if not form.validate():
        return render("accounts/key.html", status=422, form=form)
    token = workspace.create_key(form.name.data, form.scopes.data, form_token=_form_token(), by=_me())
    if token:
        _show_once("key", token, form.name.data)
    return go(url_for("accounts.keys"))


@bp.post("/settings/keys/<int:key_id>/revoke")
@requires("admin")
def revoke_key(key_id: int) -> AnyResponse:
    row = get_owned_or_404(ApiKey, key_id, current_user.company_id)
    if workspace.revoke_key(row, by=_me()):
        toast(f"The key {row.name} is revoked. Calls with it are refused from now on.")
    return go(url_for("accounts.keys"))


# --- shown once ----------------------------------------------------------------------------------------


def _form_token() -> str:
    token = request.form.get("form_token", "")
    if not 8 <= len(token) <= 100:
        abort(422, "The form is incomplete. Reload the page and send it again.")
    return token


def _show_once(kind: str, value: str, name: str) -> None:
    session[SHOWN_ONCE] = {"kind": kind, "value": value, "name": name}


def _take_shown(kind: str) -> dict[str, str] | None:
    if session.get(SHOWN_ONCE, {}).get("kind") != kind:
        return None
    shown: dict[str, str] = session.pop(SHOWN_ONCE)
    return shown
