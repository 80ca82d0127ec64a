"""Pages of calls: the log, what waits, what is to review; and the do-not-contact list."""

from flask import Blueprint

bp = Blueprint("dialer", __name__)

from webapp.dialer.views import calls, dnc, waiting  # noqa: E402, F401  they add their routes to bp
