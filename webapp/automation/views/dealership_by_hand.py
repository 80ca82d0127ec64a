"""One dealership by hand."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.forms.dealerships import LIST_TAKEN, NewDealershipForm
from webapp.automation.service import dealership_by_hand as service
from webapp.automation.service.dealership_by_hand import DealershipKnown, Made, NotToContact
from webapp.automation.service.membership import MembershipRefused
from webapp.automation.views import bp
from webapp.automation.views.dealership_files import chosen_before, offer
from webapp.automation.views.projects import me
from webapp.core.access import requires
from webapp.core.once import new_form_token
from webapp.core.web import go, render, toast
from webapp.leads.service import NameTaken


@bp.route("/dealerships/new", methods=["GET", "POST"])
@requires("manager")
def new_dealership() -> AnyResponse:
    if request.method == "GET":
        return _form_page(offer(NewDealershipForm(**chosen_before())))
    form = offer(NewDealershipForm(request.form))
    form.country = me().company.country
    token = request.form.get("form_token", "")[:100] or new_form_token()
    there = None
    if form.validate():
        try:
            made = service.make_dealership(form.wanted, by=me(), form_token=token)
        except DealershipKnown as known:
            form.website.errors, there = [str(known)], known
        except NotToContact as refused:
            {"phone": form.phone, "email": form.email}.get(refused.kind, form.website).errors = [str(refused)]
        except NameTaken:
            form.new_list.errors = [LIST_TAKEN]
        except MembershipRefused as refused:
            form.project_id.errors = [str(refused)]
        except LookupError:
            form.form_errors.append("The list or the project is gone. Choose another.")
        else:
            _say_made(made)
            return go(url_for("automation.dealership", dealership_id=made.dealership_id))
    return _form_page(form, 422, token=token, there=there)


def _form_page(form: NewDealershipForm, status: int = 200, **context: Any) -> Response:
    return render("automation/dealership_new.html", status=status, form=form, **context)


def _say_made(made: Made) -> None:
    said = f"Made the dealership {made.name}" + (f" and added it to {made.project}." if made.project else ".")
    if made.known_by:
        said += f" Its lead was known already by its {made.known_by}: {made.lead}."
    if not made.kept:
        toast(said)
        return
    kept = " and ".join(made.kept)
    toast(
        f"{said} The lead stays as it is, without the {kept} you gave.", action_label="Edit the lead",
        action_url=url_for("leads.edit", lead_id=made.lead_id), action_method="get",
    )  # fmt: skip
