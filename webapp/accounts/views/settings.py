"""Settings of one's own, and of the company."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts import auth, queries, throttle
from webapp.accounts.forms import CompanyForm, PasswordForm, ProfileForm
from webapp.accounts.models import User
from webapp.accounts.passwords import check_password, hash_password
from webapp.accounts.service import Refused, people, sessions, workspace
from webapp.accounts.views import bp
from webapp.core.access import requires
from webapp.core.web import go, local_path, render, toast

THEMES = ("system", "light", "dark")


@bp.get("/settings")
@requires("rep")
def settings() -> AnyResponse:
    return redirect(url_for("accounts.profile"), 303)


@bp.route("/settings/profile", methods=["GET", "POST"])
@requires("rep")
def profile() -> AnyResponse:
    if request.method == "GET":
        return _profile_page(ProfileForm.of(current_user))
    form = ProfileForm(request.form)
    if not form.validate() or not _may_change_email(form):
        return _profile_page(form, 422)
    try:
        changed = workspace.update_profile(
            by=_me(), name=form.name.data, email=form.email.data, zone=form.zone.data or None,
            preferences=form.preferences,
        )  # fmt: skip
    except Refused as refusal:
        form.email.errors = [str(refusal)]
        return _profile_page(form, 422)
    toast("Profile saved." if changed else "Nothing had changed.")
    return go(url_for("accounts.profile"))


def _may_change_email(form: ProfileForm) -> bool:
    """A new address decides who can reset the password, so it takes the password."""
    if form.email.data == current_user.email or _knows_password(form.current_password.data or ""):
        return True
    form.current_password.errors = ["Enter your current password to change your email address."]
    return False


def _knows_password(password: str) -> bool:
    """Throttled like a sign-in: whoever finds an open browser may not guess here either."""
    me = _me()
    counted = throttle.subjects(me.email, request.remote_addr)
    throttle.count_try(*counted)
    if not check_password(me.password_hash, password):
        return False
    throttle.forgive(*counted)
    return True


def _profile_page(form: ProfileForm, status: int = 200) -> Response:
    rows = queries.list_live_sessions(_me())
    return render("accounts/profile.html", status=status, form=form, sessions=rows, mine=auth.current_session())


@bp.post("/settings/sessions/<int:session_id>/end")
@requires("rep")
def end_session(session_id: int) -> AnyResponse:
    row = queries.find_own_session(_me(), session_id)
    if row is None:
        abort(404)
    sessions.end_by_person(row, by=_me())
    toast("That session has ended.")
    return go(url_for("accounts.profile"))


@bp.post("/settings/theme")
def theme() -> AnyResponse:
    chosen = request.form.get("theme", "")
    if chosen not in THEMES:
        abort(422)
    response = go(local_path(request.form.get("next", "").rstrip("?"), "/"))
    response.set_cookie(
        "theme", chosen, max_age=timedelta(days=365), samesite="Lax", httponly=True, secure=request.is_secure
    )
    return response


@bp.route("/settings/password", methods=["GET", "POST"])
@requires("rep")
def password() -> AnyResponse:
    form = PasswordForm(request.form)
    if request.method == "GET":
        return render("accounts/password.html", form=PasswordForm())
    if form.validate() and not _knows_password(form.current.data):
        form.current.errors = ["That is not your current password."]
    if form.errors:
        return render("accounts/password.html", status=422, form=form)
    people.change_password(_me(), hash_password(form.password.data), by=_me())
    auth.renew(_me())
    toast("Password changed. Your other sessions have ended.")
    return go(url_for("accounts.password"))


@bp.route("/settings/company", methods=["GET", "POST"])
@requires("admin")
def company() -> AnyResponse:
    form = CompanyForm(request.form) if request.method == "POST" else CompanyForm.of(current_user.company)
    if request.method == "GET":
        return render("accounts/company.html", form=form)
    if not form.validate():
        return render("accounts/company.html", status=422, form=form)
    changed = workspace.update_company(
        by=_me(), name=form.name.data, zone=form.zone.data, country=form.country.data, hours=form.hours
    )
    toast("Company saved." if changed else "Nothing had changed.")
    return go(url_for("accounts.company"))


@bp.app_template_filter("browser")
def browser(user_agent: str | None) -> str:
    """ "Firefox on Linux", as far as the browser tells."""
    text = user_agent or ""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (
        ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    )  # fmt: skip
    name = next((label for mark, label in names if mark in text), "Another program")
    system = next((label for mark, label in systems if mark in text), "")
    return f"{name} on {system}" if system else name


def _me() -> User:
    user: User = current_user._get_current_object()
    return user
