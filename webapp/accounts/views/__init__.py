"""Pages of accounts: entering, setting up, settings and the activity trail."""

from flask import Blueprint

from webapp.accounts import auth
from webapp.accounts.tabs import settings_tabs

bp = Blueprint("accounts", __name__)
bp.add_app_template_global(settings_tabs)
bp.record_once(lambda state: auth.init_app(state.app))  # type: ignore[arg-type]

from webapp.accounts.views import activity, entry, hosts, settings, team  # noqa: E402, F401  they add their routes to bp
