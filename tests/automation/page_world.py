"""A project with everything its pages show: a run with attempts of every kind, pictures, a mapping, an unknown outcome."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw

from tests.factories import (
    make_attempt,
    make_contact_request,
    make_dealership,
    make_list,
    make_project,
    make_project_dealership,
)
from webapp.accounts.models import Company, User
from webapp.automation.models import AutomationSettings, FormMapping, Project, Run, RunEvent
from webapp.core.db import db
from webapp.core.storage import get_storage

FIELDS = [
    {"key": "name", "kind": "full_name", "label": "Your name", "selector": "#name", "required": True, "filled": True, "box": [80, 120, 500, 40]},
    {"key": "email", "kind": "email", "label": "Email", "selector": "#email", "required": True, "filled": True, "box": [80, 190, 500, 40]},
    {"key": "member", "kind": "unknown", "label": "Membership number", "selector": "#m", "required": True, "filled": False, "box": [80, 260, 500, 40]},
    {"key": "hp", "kind": "honeypot", "label": "", "selector": "#hp", "required": False, "filled": False, "box": None},
]  # fmt: skip
KINDS = (
    ("success", "success", None, "confirmed"), ("failed", "failed", "form_not_found", None), ("blocked", "blocked", "captcha_detected", None),
    ("failed", "failed", "submission_failed", "unconfirmed"), ("timeout", "failed", "page_timeout", None), ("skipped", "skipped", None, None),
)  # fmt: skip


def picture(words: str) -> str:
    """The storage key of a PNG."""
    image = Image.new("RGB", (1280, 900), "#f4f1ea")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1280, 70), fill="#1d3557")
    draw.text((80, 25), words, fill="white")
    for field in FIELDS:
        if field["box"]:
            x, y, w, h = field["box"]  # type: ignore[misc]
            draw.rectangle((x, y, x + w, y + h), outline="#444444", fill="white")
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return get_storage().save(io.BytesIO(kept.getvalue()), suffix=".png").key


def make_pages(company: Company, user: User) -> dict[str, Any]:
    """Ids by the names that routes use."""
    db.session.merge(
        AutomationSettings(company_id=company.id, user_agent="Rebound/1.0 (+https://example.com/bot; ops@example.com)")
    )
    lead_list = make_list(company, name="Dealerships")
    project: Project = make_project(company, name="Honda dealers around Columbus", dry_run=False)
    request = make_contact_request(project)
    now = datetime.now(UTC)
    run = Run(company_id=company.id, project_id=project.id, contact_request_id=request.id, dry_run=False, state="paused", started_by_id=user.id,
              started_at=now - timedelta(minutes=12), paused_at=now, paused_reason="16 of the last 20 attempts failed, most by “Captcha”.",
              total=8, processed=6, successful=1, failed=4, skipped=1, attempts=5)  # fmt: skip
    db.session.add(run)
    db.session.commit()
    source = get_storage().save(io.BytesIO(b"<h1>hello</h1><script>alert(1)</script>"), suffix=".html").key
    ids: dict[str, Any] = {"project_id": project.id, "request_id": request.id, "run_id": run.id}
    for number, (status, contact_status, error, submission) in enumerate(KINDS):
        dealership = make_dealership(lead_list, name=f"Dealer {number} of Columbus & Söhne <b>")
        member = make_project_dealership(
            project, dealership, contact_status=contact_status, contact_attempts=1, distance_miles=number, error_type=error, submission=submission,
            run_id=run.id, last_attempt_at=now, reason="Tried again 300 s after form_not_found, time 1" if error == "form_not_found" else "",
        )  # fmt: skip
        attempt = make_attempt(
            member, run, status, error_type=error, submission=submission, started_at=now - timedelta(minutes=10 - number),
            completed_at=now - timedelta(minutes=10 - number, seconds=-14), error_message="No contact form on 5 pages" if error else None,
            skip_reason="robots" if status == "skipped" else None, fields=FIELDS, evidence=["a vendor's frame is shown", "HTTP 200"],
            screenshot_before_path=picture("Before"), screenshot_after_path=picture("After") if status == "success" else None,
            screenshot_error_path=picture("Error") if error else None, page_source_path=source, automation_strategy="standard_form",
            browser_logs=[{"type": "error", "text": "Uncaught <TypeError>"}], page_load_time_ms=812, form_fill_time_ms=430, user_agent="Rebound/1.0",
        )  # fmt: skip
        member.last_attempt_id = attempt.id
        name = "unknown" if submission == "unconfirmed" else status
        ids |= {name: attempt.id, f"member_{name}": member.id}
        if status == "success":
            ids |= {"attempt_id": attempt.id, "project_dealership_id": member.id, "dealership_id": dealership.id}
    for n in range(2):
        make_project_dealership(project, lead_list, distance_miles=20 + n)
    mapping = FormMapping(
        company_id=company.id, host="dealer.example.com", version=1, contact_url="https://dealer.example.com/contact", fingerprint="f",
        fields={str(f["key"]): {"kind": f["kind"], "label": f["label"], "selector": f["selector"]} for f in FIELDS}, attempt_id=ids["failed"],
    )  # fmt: skip
    db.session.add(mapping)
    db.session.add(
        RunEvent(
            company_id=company.id, project_id=project.id, run_id=run.id, type="automation_started", payload={"total": 8}
        )
    )
    db.session.commit()
    return ids | {"mapping_id": mapping.id, "picture": "before"}
