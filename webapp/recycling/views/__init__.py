"""Pages of recycling, problematic leads, repairs and their undoing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request
from flask_login import current_user

from webapp.core import nav
from webapp.core.access import MAX_ID, role_at_least
from webapp.core.web import is_fragment, toast
from webapp.core.work import WorkMixin
from webapp.leads.queries.lists import MORE_PROBLEMS, user_names
from webapp.recycling.queries import count_problems, problems_elsewhere

bp = Blueprint("recycling", __name__)


def _count(company_id: int) -> int:
    """Once a request, however many parts of the shell show it."""
    if "problem_count" not in g:
        g.problem_count = count_problems(company_id)
    number: int = g.problem_count
    return number


nav.COUNTS["recycling.problems"] = _count
MORE_PROBLEMS.append(problems_elsewhere)


def may_act() -> bool:
    return role_at_least(current_user.role, "manager")


def people() -> dict[int, str]:
    return user_names(current_user.company_id)


def read_number(text: str | None) -> int | None:
    """A count or an id as a form or an address holds it."""
    return (
        int(text) if text and text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MAX_ID else None
    )


def form_token() -> str | None:
    return request.form.get("form_token", "")[:100] or None


def progress(row: WorkMixin, template: str, **context: Any) -> Response:
    """The answer to a poll: nothing while nothing moved, else the block; at rest without its trigger, and said aloud."""
    if request.args.get("v") == str(row.version):
        return make_response("", 204)
    if row.is_resting and is_fragment():
        toast(row.message or row.status.label, tone="bad" if row.state == "failed" else "ok")
    return make_response(render_template(template, row=row, **context))


from webapp.recycling.views import choices, problems, recycle, repairs, undo  # noqa: E402, F401  they add their routes
