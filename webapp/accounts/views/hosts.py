"""Settings, Allowed hosts: what of the server's own network Rebound may contact."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse
from wtforms import Form, StringField
from wtforms.validators import DataRequired, Length

from webapp.accounts import hosts, queries
from webapp.accounts.forms import no_controls, strip
from webapp.accounts.service import Refused
from webapp.accounts.tabs import add_tab
from webapp.accounts.views import bp
from webapp.accounts.views.settings import _me
from webapp.core.access import get_owned_or_404, requires
from webapp.core.web import go, render, toast

add_tab("Allowed hosts", "accounts.allowed_hosts", "admin")


class HostForm(Form):
    pattern = StringField(
        "Host", [DataRequired("Enter a host, such as crm.internal or *.example.internal:8080."), Length(max=260), no_controls], [strip],
        description="A name or an IP address. With a port it opens that port only; *. before a name opens all names under it.",
    )  # fmt: skip
    note = StringField("What it is for", [Length(max=200), no_controls], [strip])


@bp.route("/settings/allowed-hosts", methods=["GET", "POST"])
@requires("admin")
def allowed_hosts() -> AnyResponse:
    if request.method == "GET":
        return _page(HostForm())
    form = HostForm(request.form)
    if not form.validate():
        return _page(form, 422)
    try:
        row = hosts.allow_host(form.pattern.data, form.note.data, by=_me())
    except Refused as refusal:
        form.pattern.errors = [str(refusal)]
        return _page(form, 422)
    toast(f"{row.pattern} may be contacted from now on.")
    return go(url_for("accounts.allowed_hosts"))


def _page(form: HostForm, status: int = 200) -> Response:
    rows = hosts.list_hosts(current_user.company_id)
    names = queries.name_users(current_user.company_id, {row.added_by_id for row in rows if row.added_by_id})
    return render("accounts/allowed_hosts.html", status=status, form=form, hosts=rows, names=names)


@bp.post("/settings/allowed-hosts/<int:host_id>/remove")
@requires("admin")
def forget_host(host_id: int) -> AnyResponse:
    row = get_owned_or_404(hosts.AllowedHost, host_id, current_user.company_id)
    if hosts.forget_host(row, by=_me()):
        toast(f"{row.pattern} is no longer contacted.")
    return go(url_for("accounts.allowed_hosts"))
