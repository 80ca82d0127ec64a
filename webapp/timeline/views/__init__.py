"""Pages of the timeline: what was said to a lead, whom nobody may contact, and the company's rules of outreach."""

from flask import Blueprint

bp = Blueprint("timeline", __name__)

from webapp.timeline import bulk  # noqa: E402, F401  logging with many, in the leads' table
from webapp.timeline.queries import free  # noqa: E402, F401  what the leads' table asks of the guard

# They add their routes to bp.
from webapp.timeline.views import (  # noqa: E402
    contacts,  # noqa: F401
    dnc,  # noqa: F401
    duplicates,  # noqa: F401
    lead,  # noqa: F401
    live,  # noqa: F401
    settings,  # noqa: F401
    words,  # noqa: F401
)
