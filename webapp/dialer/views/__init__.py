"""Pages of calls: the log, what waits, what needs a result."""

from flask import Blueprint

bp = Blueprint("dialer", __name__)

from webapp.dialer.views import (  # noqa: E402, F401  they add their routes to bp
    callbacks,
    calls,
    campaigns,
    desk,
    hopper,
    leads_table,
    review,
    waiting,
)
