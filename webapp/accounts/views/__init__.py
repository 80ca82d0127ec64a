"""Pages of accounts: entering, setting up, settings and the activity trail."""

from flask import Blueprint

from webapp.accounts import auth

bp = Blueprint("accounts", __name__)
bp.record_once(lambda state: auth.init_app(state.app))

from webapp.accounts.views import entry  # noqa: E402, F401  they add their routes to bp
