"""The audit trail as people read it: filters, pages by key, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Flask, current_app
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from webapp.accounts.models import User
from webapp.core.access import MAX_ID, owned
from webapp.core.audit import AuditEvent
from webapp.core.db import db
from webapp.core.web import local_path

PAGE, CHUNK, RECENT = 50, 2000, 5000
KINDS = {
    "signed_in": "Signed in", "sign_in_failed": "Sign-in failed", "signed_out": "Signed out",
    "user_invited": "Invited", "user_joined": "Joined", "user_role_changed": "Role changed",
    "user_deactivated": "Deactivated", "user_reactivated": "Reactivated", "invitation_revoked": "Invitation withdrawn",
    "reset_link_created": "Reset link made", "password_changed": "Password changed", "setting_changed": "Setting changed",
    "key_created": "API key created", "key_revoked": "API key revoked",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """From the address of the page; what cannot be read counts as not given. Days are the viewer's, both included."""

    kind: str = ""
    user_id: int | None = None
    since: date | None = None
    until: date | None = None
    before_id: int | None = None
    after_id: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> Filters:
        return cls(
            kind=args.get("kind", "") if re.fullmatch(r"[a-z0-9_]{1,60}", args.get("kind", "")) else "",
            user_id=_id(args.get("user")), since=_day(args.get("from")), until=_day(args.get("to")),
            before_id=_id(args.get("before")), after_id=_id(args.get("after")),
        )  # fmt: skip

    @property
    def any(self) -> bool:
        return bool(self.kind or self.user_id or self.since or self.until)


def _id(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,19}", text) and 0 < int(text) <= MAX_ID else None


def _day(text: str | None) -> date | None:
    if not text or not re.fullmatch(r"(19[7-9]|20\d)\d-\d\d-\d\d", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def kind_label(kind: str) -> str:
    return KINDS.get(kind) or kind.replace("_", " ").capitalize()


def list_events(viewer: User, filters: Filters, limit: int = PAGE) -> list[tuple[AuditEvent, str | None]]:
    """Events of the company with the actor's name, newest first; with `after_id` oldest first. A rep sees
    what the rep did."""
    query = (
        owned(AuditEvent, viewer.company_id)
        .add_columns(User.name)
        .outerjoin(User, User.id == AuditEvent.user_id)
        .order_by(AuditEvent.id if filters.after_id else AuditEvent.id.desc())
        .limit(limit)
    )
    if viewer.role == "rep":
        query = query.where(AuditEvent.user_id == viewer.id)
    if filters.kind:
        query = query.where(AuditEvent.kind == filters.kind)
    if filters.user_id:
        query = query.where(AuditEvent.user_id == filters.user_id)
    if filters.before_id:
        query = query.where(AuditEvent.id < filters.before_id)
    if filters.after_id:
        query = query.where(AuditEvent.id > filters.after_id)
    if filters.since:
        query = query.where(AuditEvent.created_at >= _midnight(filters.since, viewer))
    if filters.until:
        query = query.where(AuditEvent.created_at < _midnight(filters.until + timedelta(days=1), viewer))
    return [(row[0], row[1]) for row in db.session.execute(query)]


def _midnight(day: date, viewer: User) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(viewer.zone_name)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[tuple[AuditEvent, str | None]]
    newer: bool
    older: bool


def get_page(viewer: User, filters: Filters) -> Page:
    rows = list_events(viewer, filters, PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if filters.after_id:
        return Page(rows[::-1], newer=more, older=True)
    return Page(rows, newer=filters.before_id is not None, older=more)


def kind_choices(company_id: int) -> list[tuple[str, str]]:
    """Our own kinds, and those which other features wrote lately."""
    recent = (
        sa.select(AuditEvent.kind)
        .where(AuditEvent.company_id == company_id)
        .order_by(AuditEvent.id.desc())
        .limit(RECENT)
        .subquery()
    )
    found = set(db.session.scalars(sa.select(recent.c.kind).distinct())) | set(KINDS)
    return sorted(((kind, kind_label(kind)) for kind in found), key=lambda pair: pair[1])


def undo_of(event: AuditEvent) -> tuple[str, str] | None:
    """Where the action is undone, as ("GET" or "POST", address), when it left `undo_url` and that is ours."""
    url = local_path(str(event.details.get("undo_url") or ""), "")
    if not url:
        return None
    routes = current_app.url_map.bind("localhost")
    try:
        routes.match(url.partition("?")[0], method="GET")
    except MethodNotAllowed as error:
        return ("POST", url) if "POST" in (error.valid_methods or ()) else None
    except (RequestRedirect, HTTPException):
        return None
    return "GET", url


def why(event: AuditEvent) -> str:
    """The reason that the person gave, where one was asked."""
    return str(event.details.get("reason") or "")


# --- CSV -----------------------------------------------------------------------------------------------

COLUMNS = ("when_utc", "kind", "who", "what", "why", "address", "subject_type", "subject_id", "reference")
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")


def safe_cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def csv_lines(app: Flask, viewer: User, filters: Filters) -> Iterator[str]:
    """In chunks, each read in a context and a transaction of its own: a slow or vanished reader holds nothing."""
    filters = replace(filters, before_id=None, after_id=None)
    yield _line(COLUMNS)
    while True:
        with app.app_context():
            rows = list_events(viewer, filters, CHUNK)
            text = "".join(_line(_cells(event, name)) for event, name in rows)
        yield text
        if len(rows) < CHUNK:
            return
        filters = replace(filters, before_id=rows[-1][0].id)


def _cells(event: AuditEvent, name: str | None) -> tuple[Any, ...]:
    at = event.created_at.astimezone(UTC).isoformat(timespec="seconds")
    subject = (event.subject_type, event.subject_id)
    return (at, event.kind, name, event.summary, why(event), event.address, *subject, event.request_id)


def _line(cells: tuple[Any, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()
