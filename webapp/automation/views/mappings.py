"""What was learned of a form, over its picture: corrected field by field, tried in a dry run, forgotten."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from webapp.automation.engine.seen import LEFT_ALONE, Kind
from webapp.automation.models import AutomationAttempt, FormMapping
from webapp.automation.queries import runs as queries
from webapp.automation.service import mappings as service
from webapp.automation.service.mappings import MappingRefused
from webapp.automation.views import bp
from webapp.automation.views.attempts import PICTURES, size_of
from webapp.automation.views.projects import may_manage, me
from webapp.automation.websites import WebsiteRefused, read_website
from webapp.core.access import get_owned_or_404, requires
from webapp.core.db import LostRace, db
from webapp.core.once import new_form_token
from webapp.core.web import go, render, toast

# What a person may choose; captcha, password and submit are what they are.
CHOICES = [kind for kind in Kind if kind not in (Kind.CAPTCHA, Kind.PASSWORD, Kind.SUBMIT, Kind.HIDDEN)]
TONES = {"filled": "ok", "left": "neutral", "missing": "bad"}


def label_of(kind: str) -> str:
    return {"unknown": "Not known: left alone", "honeypot": "Trap: never filled", "file": "File: left alone", "marketing": "Marketing: left alone",
            "sms_consent": "Consent to text messages", "vin": "VIN"}.get(kind, kind.replace("_", " ").capitalize())  # fmt: skip


bp.add_app_template_global(label_of, "kind_label")


def find_mapping(mapping_id: int) -> FormMapping:
    return get_owned_or_404(FormMapping, mapping_id, current_user.company_id)


@bp.get("/mappings/<int:mapping_id>")
@requires("rep")
def mapping(mapping_id: int) -> Response:
    return _page(find_mapping(mapping_id))


def _page(row: FormMapping, status: int = 200, error: str = "", stale: bool = False) -> Response:
    attempt = db.session.get(AutomationAttempt, row.attempt_id) if row.attempt_id else None
    seen = {str(one.get("key")): one for one in (attempt.fields if attempt else [])}
    fields = [
        _field(number, key, given, seen.get(key, {})) for number, (key, given) in enumerate(row.fields.items(), 1)
    ]
    versions = queries.list_mappings(row.company_id, row.host)
    newest = next((version for version, _ in versions if version.retired_at is None), None)
    return render(
        "automation/mapping.html", status=status, mapping=row, attempt=attempt, fields=fields, versions=versions, error=error, stale=stale,
        is_newest=newest is not None and newest.id == row.id, newest=newest, may_manage=may_manage(), token=new_form_token(),
        choices=[(kind.value, label_of(kind.value)) for kind in CHOICES], picture=_picture(attempt), given=request.form,
    )  # fmt: skip


def _field(number: int, key: str, given: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    filled = bool(seen.get("filled"))
    required = bool(seen.get("required"))
    tone = "filled" if filled else "missing" if required and given.get("kind") in LEFT_ALONE else "left"
    return {
        "number": number, "key": key, "kind": given.get("kind", "unknown"), "label": given.get("label") or seen.get("label") or key,
        "selector": given.get("selector", ""), "text": given.get("text", ""), "option": given.get("option", ""), "required": required,
        "tone": TONES[tone], "box": seen.get("box"), "filled": filled,
    }  # fmt: skip


def _picture(attempt: AutomationAttempt | None) -> dict[str, Any] | None:
    """The picture of the filled form, else of the end."""
    if attempt is None:
        return None
    what = "before" if attempt.screenshot_before_path else "error" if attempt.screenshot_error_path else None
    if what is None:
        return None
    size = size_of(getattr(attempt, PICTURES[what]))
    if size is None:
        return None
    return {
        "url": url_for("automation.evidence", attempt_id=attempt.id, picture=what),
        "width": size[0],
        "height": size[1],
    }


@bp.post("/mappings/<int:mapping_id>")
@requires("manager")
def correct_mapping(mapping_id: int) -> AnyResponse:
    """`key-<n>` names a field, `kind-<n>`, `text-<n>` and `option-<n>` what is said of it; `version` as seen; `then` = try for a dry run at once."""
    row = find_mapping(mapping_id)
    version = request.form.get("version", "")
    changes: dict[str, dict[str, str]] = {}
    for number in range(1, len(row.fields) + 1):
        key = request.form.get(f"key-{number}", "")
        given = {
            name: request.form[f"{name}-{number}"]
            for name in ("kind", "text", "option")
            if f"{name}-{number}" in request.form
        }
        if key in row.fields and "kind" in given:
            changes[key] = given
    address = request.form.get("contact_url", row.contact_url).strip()
    try:
        if address != row.contact_url:
            address = read_website(address).url
        made = service.correct(
            mapping_id, changes, contact_url=address,
            version=int(version) if version.isdecimal() and len(version) < 9 else 0, by=me(),
        )  # fmt: skip
    except LostRace:
        return _page(find_mapping(mapping_id), 409, stale=True)
    except (MappingRefused, WebsiteRefused) as refused:
        return _page(find_mapping(mapping_id), 422, str(refused))
    toast("Saved as a new version." if made.id != row.id else "Nothing had changed.")
    return go(url_for("automation.mapping", mapping_id=made.id))


@bp.post("/mappings/<int:mapping_id>/forget")
@requires("manager")
def forget_mapping(mapping_id: int) -> AnyResponse:
    find_mapping(mapping_id)
    service.forget(mapping_id, by=me())
    toast("Forgotten: the form is read anew at the next attempt.")
    return go(url_for("automation.mapping", mapping_id=mapping_id))
