"""Settings, Outreach: the rules of the guard. Managers read them, admins change them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.accounts.tabs import add_tab
from webapp.core.access import check_role, requires, role_at_least
from webapp.core.text import plural
from webapp.core.web import go, render, toast
from webapp.timeline import settings as service
from webapp.timeline.settings import Rules, StaleRules
from webapp.timeline.settings_form import OutreachForm
from webapp.timeline.views import bp

add_tab("Outreach", "timeline.outreach", "manager")


@bp.route("/settings/outreach", methods=["GET", "POST"])
@requires("manager")
def outreach() -> AnyResponse:
    rules = service.get_rules(current_user.company_id)
    if request.method == "GET":
        return _page(OutreachForm.of(rules), rules)
    check_role(current_user, "admin")
    form = OutreachForm(request.form)
    if not form.validate():
        return _page(form, rules, status=422)
    try:
        changes = service.save_rules(form.rules, by=current_user)
    except StaleRules as stale:
        fields = {name: value for name, value in request.form.items() if name not in ("csrf_token", "version")}
        return _page(form, stale.theirs, status=409, stale=stale, fields=fields)
    toast(f"{plural(len(changes), 'rule')} changed, in force now." if changes else "Nothing had changed.")
    return go(url_for("timeline.outreach"))


def _page(form: OutreachForm, rules: Rules, status: int = 200, **context: Any) -> Response:
    changed = bool(service.list_changes(Rules(), rules))
    return render(
        "timeline/settings.html", status=status, form=form, rules=rules, changed=changed,
        editable=role_at_least(current_user.role, "admin"), told=service.describe(rules), **context,
    )  # fmt: skip


@bp.route("/settings/outreach/reset", methods=["GET", "POST"])
@requires("admin")
def reset_outreach() -> AnyResponse:
    """Shows what the defaults would change, then puts them in force."""
    rules = service.get_rules(current_user.company_id)
    stale = False
    if request.method == "POST":
        seen = request.form.get("version", "")
        version = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0
        try:
            service.save_rules(replace(Rules(), version=version), by=current_user)
        except StaleRules as error:
            rules, stale = error.theirs, True
        else:
            toast("The rules of outreach are the defaults again.")
            return go(url_for("timeline.outreach"))
    return render(
        "timeline/settings_reset.html", status=409 if stale else 200, rules=rules, stale=stale,
        changes=service.list_changes(rules, Rules()),
    )  # fmt: skip
