"""The pages of people who are not signed in: sign-in, lost passwords, invitations, the first start."""

from __future__ import annotations

import structlog
from flask import Response, abort, current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts import auth, queries, throttle
from webapp.accounts.forms import AcceptForm, ForgotForm, NewPasswordForm, SetupForm, SignInForm
from webapp.accounts.mail import MailFailed, send_mail
from webapp.accounts.models import Invitation
from webapp.accounts.passwords import hash_password
from webapp.accounts.service import Refused, people, sessions, workspace
from webapp.accounts.views import bp
from webapp.core.access import requires
from webapp.core.web import go, local_path, render, toast

log = structlog.get_logger(__name__)
LINK_GONE = "This link was used, was withdrawn, or has expired. Ask your admin for a new one."


@bp.get("/login")
def login() -> AnyResponse:
    if current_user.is_authenticated:
        return redirect(_wanted(), 303)
    if not queries.any_company():
        return redirect(url_for("accounts.setup"), 303)
    return _login_page(SignInForm(email=request.args.get("email", "")))


@bp.post("/login")
def enter() -> AnyResponse:
    form = SignInForm(request.form)
    if not form.validate():
        return _login_page(form, 422)
    try:
        user = sessions.authenticate(form.email.data, form.password.data, request.remote_addr)
    except sessions.WrongPassword:
        form.form_errors.append("That email and password do not belong together.")
        return _login_page(form, 422)
    auth.sign_in(user)
    return redirect(_wanted(), 303)


@bp.post("/logout")
@requires("rep")
def logout() -> AnyResponse:
    auth.sign_out()
    response = go(url_for("accounts.login"))
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


# --- lost passwords ----------------------------------------------------------------------------------


@bp.route("/forgot", methods=["GET", "POST"])
def forgot() -> Response:
    """Says the same for known and unknown addresses, and mails only after it has answered."""
    settings = current_app.config["SETTINGS"]
    if request.method == "GET" or not settings.smtp_url:
        return _forgot_page(ForgotForm())
    form = ForgotForm(request.form)
    if not form.validate():
        return _forgot_page(form, 422)
    throttle.count_try(*throttle.subjects(form.email.data, request.remote_addr, kind="forgot-"))
    user = queries.find_user_by_email(form.email.data)
    answer = _forgot_page(form, sent=True)
    if user is not None and user.is_active:
        token = people.make_reset_link(user, by=None)
        link = settings.base_url.rstrip("/") + url_for("accounts.reset", token=token)
        text = (
            f"Hello {user.name},\n\nsomebody, probably you, asked for a new password for Rebound. Choose it here within"
            f" an hour:\n\n{link}\n\nIf it was not you, do nothing: your password stays as it is.\n"
        )
        to = user.email

        @answer.call_on_close
        def mail() -> None:
            try:
                send_mail(settings, to, "Choose a new password for Rebound", text)
            except MailFailed as error:  # the person has been told what to do when no mail comes
                log.error("reset_mail_failed", error=str(error))

    return answer


def _forgot_page(form: ForgotForm, status: int = 200, sent: bool = False) -> Response:
    mails = bool(current_app.config["SETTINGS"].smtp_url)
    return render("accounts/forgot.html", status=status, form=form, mails=mails, sent=sent)


@bp.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> AnyResponse:
    row = _open_link(token, "reset")
    form = NewPasswordForm(request.form)
    if request.method == "GET":
        return render("accounts/reset.html", form=NewPasswordForm(), email=row.email, token=token)
    if not form.validate():
        return render("accounts/reset.html", status=422, form=form, email=row.email, token=token)
    user = people.reset_password(token, hash_password(form.password.data))
    if user is None:
        abort(404, LINK_GONE)
    toast("Your new password is set. Sign in with it.")
    return redirect(url_for("accounts.login", email=user.email), 303)


# --- invitations ---------------------------------------------------------------------------------------


@bp.route("/invite/<token>", methods=["GET", "POST"])
def invitation(token: str) -> AnyResponse:
    row = _open_link(token, "invite")
    if request.method == "GET":
        return _invitation_page(AcceptForm(), row, token)
    form = AcceptForm(request.form)
    if not form.validate():
        return _invitation_page(form, row, token, 422)
    try:
        user = people.accept(token, form.name.data, hash_password(form.password.data))
    except Refused as refusal:
        form.form_errors.append(str(refusal))
        return _invitation_page(form, row, token, 422)
    if user is None:
        abort(404, LINK_GONE)
    auth.sign_in(user)
    toast(f"Welcome to {user.company.name}.")
    return redirect("/", 303)


def _invitation_page(form: AcceptForm, row: Invitation, token: str, status: int = 200) -> Response:
    company = queries.get_company(row.company_id)
    return render("accounts/invitation.html", status=status, form=form, row=row, company=company, token=token)


def _open_link(token: str, purpose: str) -> Invitation:
    row = queries.find_open_invitation(token, purpose)
    if row is None:
        abort(404, LINK_GONE)
    return row


# --- the first start -----------------------------------------------------------------------------------


@bp.route("/setup", methods=["GET", "POST"])
def setup() -> AnyResponse:
    """Open until a company exists, then there is nothing here."""
    if queries.any_company():
        abort(404)
    if request.method == "GET":
        return render("accounts/setup.html", form=SetupForm())
    form = SetupForm(request.form)
    if not form.validate():
        return render("accounts/setup.html", status=422, form=form)
    user = workspace.create_workspace(
        company=form.company.data, zone=form.zone.data, country=form.country.data, hours=form.hours,
        name=form.name.data, email=form.email.data, password_hash=hash_password(form.password.data),
    )  # fmt: skip
    if user is None:
        abort(404)
    auth.sign_in(user)
    return redirect(url_for("accounts.welcome"), 303)


@bp.get("/welcome")
@requires("admin")
def welcome() -> Response:
    return render("accounts/welcome.html", endpoints=current_app.view_functions)


def _wanted() -> str:
    return local_path(request.values.get("next"), "/")


def _login_page(form: SignInForm, status: int = 200) -> Response:
    return render("accounts/login.html", status=status, form=form, next=local_path(request.values.get("next"), ""))
