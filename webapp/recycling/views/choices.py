"""One-click choices on leads that no repair may decide."""

from __future__ import annotations

from flask import Response, abort, request, url_for
from flask_login import current_user

from webapp.core.access import get_owned_or_404, requires
from webapp.core.states import MoveRefused
from webapp.core.web import go, is_fragment, local_path, render, toast
from webapp.leads import service
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.recycling import person
from webapp.recycling.forms import AcceptForm
from webapp.recycling.person import LOG_CLASSES
from webapp.recycling.views import bp, read_number
from webapp.recycling.views.problems import one_class, overview


@bp.post("/problems/leads/<int:lead_id>/<any(open_callback, close_callback, set_callback):choice>")
@requires("manager")
def choose(lead_id: int, choice: str) -> Response:
    lead = get_owned_or_404(Lead, lead_id, current_user.company_id)
    try:
        if choice == "open_callback":
            person.open_callback(lead.id, due=request.form.get("due", "day"), by=current_user)
            said = f"Opened a callback of {lead.name}"
        elif choice == "close_callback":
            person.close_callback(lead.id, by=current_user)
            said = f"Closed the callback of {lead.name}"
        else:
            service.set_status(lead.id, "callback", by=current_user, seen=request.form.get("seen"))
            said = f"{lead.name} says Callback"
    except (person.NotSo, service.StatusRefused, MoveRefused) as refused:
        return _back(str(refused), tone="bad")
    except service.StaleEdit as stale:
        return _back(f"{lead.name} was changed by {stale.who} meanwhile. Look again.", tone="bad")
    except LookupError:
        abort(404)
    return _back(said)


@bp.post("/problems/<any({}):name>/accept".format(", ".join(LOG_CLASSES)))
@requires("manager")
def accept_logs(name: str) -> Response:
    """One lead with `lead`, otherwise all of the class (of `list`) with the number that was seen."""
    company_id = current_user.company_id
    lead_id, list_id = read_number(request.form.get("lead")), read_number(request.form.get("list"))
    form = AcceptForm(request.form)
    if lead_id is not None:
        get_owned_or_404(Lead, lead_id, company_id)
    if list_id is not None:
        get_owned_or_404(LeadList, list_id, company_id)
    if not form.validate():
        return render("recycling/problem.html", "region", status=422, **one_class(name), form=form)
    if lead_id is None:
        context = one_class(name)
        if read_number(request.form.get("seen")) != context["count"]:
            return render(
                "recycling/problem.html",
                "region",
                status=409,
                **context,
                form=form,
                moved=request.form.get("seen", "")[:20],
            )
    changed, batch = person.accept_logs(
        company_id, name, by=current_user, reason=form.reason.data, list_id=list_id, lead_id=lead_id
    )
    if not changed:
        return _back("Nothing was changed: it is settled already, or in a call.", tone="warn")
    words = "the lead" if changed == 1 else f"{changed} leads"
    return _back(f"Set the dial counts of {words} to the call logs", url_for("leads.index", batch=batch))


def _back(said: str, url: str | None = None, *, tone: str = "ok") -> Response:
    """To the page that was pressed on: its region for htmx, the page itself for a browser."""
    page = request.form.get("page", "")
    toast(said, tone=tone, **({"action_label": "Show", "action_url": url, "action_method": "get"} if url else {}))
    if is_fragment():
        if page in PROBLEMS:
            return render("recycling/problem.html", "region", **one_class(page))
        return render("recycling/problems.html", "region", **overview())
    default = url_for("recycling.problem", name=page) if page in PROBLEMS else url_for("recycling.problems")
    return go(local_path(request.form.get("next"), default))
