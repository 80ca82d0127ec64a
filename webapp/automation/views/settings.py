"""Settings, Automation: how the visits introduce themselves, and how many one website gets a day."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation import settings as service
from webapp.automation.engine.browser import USER_AGENT
from webapp.automation.forms.dealerships import MannersForm
from webapp.automation.settings import StaleManners
from webapp.automation.views import bp
from webapp.automation.views.projects import me
from webapp.core.access import requires
from webapp.core.web import go, render, toast


@bp.route("/settings/automation", methods=["GET", "POST"])
@requires("manager")
def settings() -> AnyResponse:
    manners = service.get_settings(current_user.company_id)
    if request.method == "GET":
        return _page(MannersForm.of(manners))
    form = MannersForm(request.form)
    if not form.validate():
        return _page(form, 422)
    try:
        changed = service.save_settings(
            form.user_agent.data or "", form.daily_per_host.data, seen=form.seen.data or "", by=me()
        )
    except StaleManners:
        now = service.get_settings(current_user.company_id)
        return _page(form, 409, stale=now)
    toast("Saved. The next visits go by it." if changed else "Nothing had changed.")
    return go(url_for("automation.settings"))


def _page(form: MannersForm, status: int = 200, **context: Any) -> Response:
    manners = service.get_settings(current_user.company_id)
    return render(
        "automation/settings.html", status=status, form=form, manners=manners, shipped=USER_AGENT, contact=service.find_contact(manners.user_agent),
        **context,
    )  # fmt: skip
