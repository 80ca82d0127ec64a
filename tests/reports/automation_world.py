"""A project at work: 40 dealerships, 300 attempts in four runs, dry ones, retries, overrides by hand, and strings that mean harm."""

from __future__ import annotations

import io
import random
import struct
import zlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.factories import make_company, make_contact_request, make_list, make_project, make_user
from webapp.accounts.models import Company, User
from webapp.automation.engine.failures import FailureType
from webapp.automation.models import AutomationAttempt, Dealership, ProjectDealership, Run, RunEvent, RunLog
from webapp.automation.states import status_of_failure
from webapp.core.db import db
from webapp.core.storage import get_storage
from webapp.leads.models import Lead

ATTEMPTS = 300
START = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Rebound/1.0 (+https://northside.example.com/automation)"
UGLY = (
    '=HYPERLINK("http://evil.example","Click")', "<script>alert(1)</script> Motors", "@SUM(A1:A9) Autos", "محمد علي للسيارات", "🦄 Cars & Sons", "x" * 300,
    "-2+3+cmd|' /C calc'!A0", "O'Neil \"Quick\" Motors", "Ünïcode Straße", "\u202eexe.fdp Motors",
)  # fmt: skip
FAILURES = (
    FailureType.FORM_NOT_FOUND, FailureType.FORM_NOT_FOUND, FailureType.FORM_NOT_FOUND, FailureType.PAGE_TIMEOUT, FailureType.PAGE_TIMEOUT,
    FailureType.CAPTCHA_DETECTED, FailureType.SUBMISSION_FAILED, FailureType.NETWORK_ERROR, FailureType.FIELD_NOT_FOUND, FailureType.RATE_LIMITED,
    FailureType.BOT_DETECTION, FailureType.DROPDOWN_OPTION_MISSING,
)  # fmt: skip
STATUSES = (
    ("success",) * 14
    + ("manual_override",) * 5
    + ("failed",) * 9
    + ("blocked",) * 4
    + ("skipped",) * 2
    + ("pending",) * 6
)


@dataclass
class World:
    company: Company
    ana: User
    project: Any
    live: list[Run]
    dry: Run
    rows: list[ProjectDealership]
    attempts: list[AutomationAttempt] = field(default_factory=list)
    request: Any = None


def png(colour: int = 200) -> bytes:
    """A small picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content) & 0xFFFFFFFF)
        )

    lines = b"".join(b"\x00" + bytes([colour]) * 24 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def keep(content: bytes, suffix: str) -> str:
    return get_storage().save(io.BytesIO(content), suffix=suffix).key


def make_world(company: Company | None = None, *, attempts: int = ATTEMPTS) -> World:
    chance = random.Random(7)
    company = company or make_company("Northside Motors", country="US", zone="America/New_York")
    ana = make_user(company, role="manager", name="Ana Ruiz")
    project = make_project(company, name="Ohio dealers <spring> & more", window_open="09:00", window_close="17:00",
                           window_days=[0, 1, 2, 3, 4], host_gap_seconds=60, per_minute=20)  # fmt: skip
    request = make_contact_request(project, first_name="Zelda", last_name="Quimby", email="zelda.quimby@example.com",
                                   phone="+12125550147", message="Hello there, is the blue wagon still for sale?")  # fmt: skip
    leads = make_list(company)
    live = [Run(company_id=company.id, project_id=project.id, contact_request_id=request.id, dry_run=False, state="finished",
                started_at=START + timedelta(days=2 * n), ended_at=START + timedelta(days=2 * n, hours=6)) for n in range(3)]  # fmt: skip
    dry = Run(company_id=company.id, project_id=project.id, contact_request_id=request.id, dry_run=True, state="finished",
              started_at=START - timedelta(days=1), ended_at=START)  # fmt: skip
    db.session.add_all([*live, dry])
    db.session.flush()
    names = [UGLY[n] if n < len(UGLY) else f"Dealer {n:02}" for n in range(len(STATUSES))]
    found = [
        Lead(company_id=company.id, list_id=leads.id, business=name, phone=f"+1212555{n:04}", status="new")
        for n, name in enumerate(names)
    ]
    db.session.add_all(found)
    db.session.flush()
    dealerships = [
        Dealership(company_id=company.id, lead_id=lead.id, name=names[n], website=f"https://www.dealer{n}.example.com/shop", host=f"dealer{n}.example.com")
        for n, lead in enumerate(found)
    ]  # fmt: skip
    db.session.add_all(dealerships)
    db.session.flush()
    rows = []
    for n, status in enumerate(STATUSES):
        by_hand = status == "manual_override"
        rows.append(
            ProjectDealership(
                company_id=company.id, project_id=project.id, dealership_id=dealerships[n].id, contact_status=status,
                distance_miles=None if n in (3, 30) else round(0.5 + n * 1.37, 2), submission="unconfirmed" if n == 20 else None,
                next_retry_at=START + timedelta(days=9) if status == "failed" and n % 2 else None,
                reason="robots.txt: Disallow: /contact" if status == "skipped" else "",
                manual_status_set_by="Ana Ruiz" if by_hand else None, manual_status_set_at=START if by_hand else None,
                manual_method="phone" if by_hand else None, manual_notes="=1+1 spoke with the\nsales manager" if by_hand else None,
                follow_up_on=date(2026, 7, 1) if by_hand else None,
            )
        )  # fmt: skip
    db.session.add_all(rows)
    db.session.flush()
    world = World(company, ana, project, live, dry, rows, request=request)
    numbers = dict.fromkeys((row.id for row in rows), 0)
    for n in range(attempts):
        _attempt(world, n, chance, numbers)
    db.session.add_all(world.attempts)
    db.session.commit()
    _log(world)
    return world


def _attempt(world: World, n: int, chance: random.Random, numbers: dict[int, int]) -> None:
    row = world.rows[n % len(world.rows)] if n < 200 else world.rows[chance.randrange(12)]
    run = world.dry if n % 6 == 0 else world.live[min(2, n // 100)]
    numbers[row.id] += 1
    row.contact_attempts = numbers[row.id]
    at = START + timedelta(days=n // 30, minutes=(n % 30) * 8, seconds=n)
    took = chance.randrange(4, 140)
    facts: dict[str, Any] = {
        "page_load_time_ms": chance.randrange(300, 9000), "user_agent": AGENT, "browser_type": "chromium", "step": "starting",
        "fields": [{"key": "a", "kind": "email", "label": "Email", "filled": True}, {"key": "b", "kind": "marketing", "label": "Newsletter", "filled": False},
                   {"key": "c", "kind": "honeypot", "label": "Leave empty", "filled": False}],
    }  # fmt: skip
    roll = chance.random()
    if roll < 0.45:
        facts |= {"status": "success", "submission": "not_sent" if run.dry_run else "confirmed", "automation_strategy": "standard_form",
                  "form_fill_time_ms": chance.randrange(200, 4000), "step": "submitting"}  # fmt: skip
        if not run.dry_run:
            facts |= {
                "submission_time_ms": chance.randrange(100, 3000),
                "submit_pressed_at": at + timedelta(seconds=took - 2),
            }
    elif roll < 0.9:
        kind = chance.choice(FAILURES)
        facts |= {"status": status_of_failure(kind)[0], "error_type": kind.value, "evidence": ["seen on the page"],
                  "error_message": "=cmd|' /C calc'!A0 <img src=x onerror=alert(1)>" if n % 7 == 0 else f"It did not work: {kind}",
                  "error_stack_trace": "Traceback\n  line 1\nmail zelda.quimby@example.com" if n % 5 == 0 else None}  # fmt: skip
        if kind is FailureType.SUBMISSION_FAILED:
            facts |= {"submission": chance.choice(("rejected", "unconfirmed", "not_sent")), "automation_strategy": "multi_step_form",
                      "form_fill_time_ms": 900, "step": "submitting", "submit_pressed_at": at}  # fmt: skip
    elif roll < 0.96:
        facts |= {"status": "skipped", "page_load_time_ms": None, "user_agent": None, "fields": [],
                  **({"skip_reason": "robots", "error_message": "Disallow: /contact"} if n % 2 else {"skip_reason": "do_not_contact"})}  # fmt: skip
        took = 0
    else:
        facts |= {"status": "cancelled"}
    if n % 50 == 1:
        facts |= {"screenshot_before_path": keep(png(n % 256), ".png"), "page_source_path": keep(
            b"<p>Dear Zelda Quimby, (212) 555-0147, zelda.quimby@example.com: Hello there, is the blue wagon still for sale?</p>", ".html")}  # fmt: skip
    world.attempts.append(
        AutomationAttempt(
            company_id=world.company.id, project_id=world.project.id, run_id=run.id, project_dealership_id=row.id,
            contact_request_id=run.contact_request_id, attempt_number=numbers[row.id], dry_run=run.dry_run, started_at=at,
            completed_at=at + timedelta(seconds=took), duration_seconds=took, contact_url="https://dealer.example.com/contact", **facts,
        )
    )  # fmt: skip


def _log(world: World) -> None:
    for n, attempt in enumerate(world.attempts[:120]):
        bad = attempt.error_type is not None
        db.session.add(
            RunLog(company_id=world.company.id, project_id=world.project.id, run_id=attempt.run_id, attempt_id=attempt.id,
                   dealership_id=world.rows[n % len(world.rows)].dealership_id, level="error" if bad else "info",
                   operation="contact_attempt_failure" if bad else "status_change", created_at=attempt.started_at,
                   message="Contact attempt failed with detailed context" if bad else "Contact status updated", duration_ms=1000 + n,
                   details={"attempt_number": 1, "email": "zelda.quimby@example.com", "page_url": "https://dealer.example.com/contact",
                            "note": "=1+1 call +12125550147 <b>"})
        )  # fmt: skip
    db.session.add(
        RunEvent(company_id=world.company.id, project_id=world.project.id, run_id=world.live[0].id, type="automation_started",
                 payload={"by": "ana"})
    )  # fmt: skip
    db.session.commit()
