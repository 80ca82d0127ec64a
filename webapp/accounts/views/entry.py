"""Signing in and out."""

from __future__ import annotations

from flask import Response, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts import auth, queries
from webapp.accounts.forms import SignInForm
from webapp.accounts.passwords import PasswordsBusy
from webapp.accounts.service import sessions
from webapp.accounts.throttle import Throttled
from webapp.accounts.views import bp
from webapp.core.access import requires
from webapp.core.text import duration
from webapp.core.web import go, local_path, render


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
    except (Throttled, PasswordsBusy) as error:
        raise too_many(error) from None
    auth.sign_in(user)
    return redirect(_wanted(), 303)


@bp.post("/logout")
@requires("rep")
def logout() -> AnyResponse:
    auth.sign_out()
    response = go(url_for("accounts.login"))
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def too_many(error: Throttled | PasswordsBusy) -> TooManyRequests:
    wait = getattr(error, "retry_after", 2)
    return TooManyRequests(f"Too many tries. Wait {duration(wait)}, then try again.", retry_after=wait)


def _wanted() -> str:
    return local_path(request.values.get("next"), "/")


def _login_page(form: SignInForm, status: int = 200) -> Response:
    return render("accounts/login.html", status=status, form=form, next=local_path(request.values.get("next"), ""))
