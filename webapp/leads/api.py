"""Leads and lists over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from email_validator import EmailNotValidError, validate_email
from flask import abort
from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from webapp.accounts.keys import find_key
from webapp.accounts.models import User
from webapp.core.access import MAX_ID, find_owned, get_owned_or_404
from webapp.core.api import ApiProblem
from webapp.core.apikit import Caller, In, Out, PageQuery, api_blueprint, endpoint, read_cursor, use_keys, write_cursor
from webapp.core.states import MoveRefused
from webapp.core.text import zone_info
from webapp.leads.api_queries import LeadQuery, history_of, page_of_leads, page_of_lists
from webapp.leads.facts import MAX_TAGS, clean_tag, clean_text, parse_phone
from webapp.leads.models import Lead, LeadList
from webapp.leads.service import StaleEdit, StatusRefused, create_lead, set_status
from webapp.leads.states import IMPORTABLE, LEAD
from webapp.leads.tallies import Cell, by_status, count, get_cells

bp = api_blueprint("leads_api", __name__)
bp.record_once(lambda state: use_keys(state.app, find_key))

Status = Literal[LEAD.names]
StatusOrNone = Literal[(*LEAD.names, "none")]  # type: ignore[valid-type]
E164 = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164, as +12125550123 (write + as %2B).")]


class LeadOut(Out):
    id: int
    list_id: int
    name: str
    first_name: str
    last_name: str
    business: str
    title: str
    phone: Annotated[str | None, Field(description="E.164.")]
    extension: str
    email: str | None
    website: str
    linkedin_url: str
    city: str
    state: str
    postal_code: str
    country: str
    zone: Annotated[str | None, Field(description="IANA time zone.")]
    source: str
    tags: list[str]
    custom: dict[str, Any]
    owner_id: int | None
    status: Annotated[str | None, Field(description="Null where legacy data has none.")]
    problem: Annotated[str | None, Field(description="The first problem class the lead falls in.")]
    last_status_change: datetime | None
    last_dial_attempt: datetime | None
    dial_result: str
    dial_attempts: int
    answered_count: int
    call_count: Annotated[int, Field(description="Call logs; equal to dial_attempts unless there is a problem.")]
    pass_number: int
    pass_dials: int
    next_eligible_at: datetime | None
    last_contacted_at: datetime | None
    last_contact_method: str | None
    contact_count: int
    version: int
    created_at: datetime


class StatusChangeOut(Out):
    at: Annotated[datetime, Field(validation_alias="created_at")]
    old_status: str | None
    new_status: str | None
    cause: str
    reason: str | None
    call_id: Annotated[
        int | None,
        Field(validation_alias="evidence_id", description="The call behind a change by call or disposition."),
    ]
    batch_id: Any
    user_id: int | None


class LeadDetail(LeadOut):
    status_history: Annotated[list[StatusChangeOut], Field(description="Newest first, at most 100.")]


class LeadsOut(Out):
    items: list[LeadOut]
    next: str | None


class LeadsQuery(PageQuery):
    list_id: Annotated[int | None, Field(gt=0, le=MAX_ID)] = None
    status: Annotated[StatusOrNone | None, Field(description='"none" finds leads without a status.')] = None
    phone: E164 | None = None
    email: Annotated[str | None, Field(min_length=3, max_length=320)] = None


class LeadCursor(In):
    list_id: Annotated[int, Field(gt=0, le=MAX_ID)]
    id: Annotated[int, Field(gt=0, le=MAX_ID)]


@endpoint(bp, "GET", "/leads", scope="leads:read", tag="Leads", summary="List leads", query=LeadsQuery, answer=LeadsOut)
def list_leads_api(caller: Caller, query: LeadsQuery) -> Any:
    """By list, then by id; filters combine."""
    after = None
    if query.cursor is not None:
        cursor = read_cursor(LeadCursor, query.cursor)
        after = (cursor.list_id, cursor.id)
    wanted = LeadQuery(query.list_id, query.status, query.phone, query.email)
    rows, key = page_of_leads(caller.company_id, wanted, after=after, limit=query.limit)
    return {"items": rows, "next": write_cursor(*key) if key else None}


@endpoint(bp, "GET", "/leads/<int:lead_id>", scope="leads:read", tag="Leads", summary="One lead", answer=LeadDetail)
def get_lead_api(caller: Caller, lead_id: int) -> Any:
    """The lead, how many calls it had, and its status history; the id of a lead that was merged answers with the one kept."""
    return show_lead(_lead(caller, lead_id))


# Of a company and an id that no lead has: the lead it became.
successors: list[Callable[[int, int], int | None]] = []


def _lead(caller: Caller, lead_id: int) -> Lead:
    if find_owned(Lead, lead_id, caller.company_id) is None:
        found = (find(caller.company_id, lead_id) for find in successors)
        lead_id = next((each for each in found if each is not None), lead_id)
    return get_owned_or_404(Lead, lead_id, caller.company_id)


def show_lead(lead: Lead) -> LeadDetail:
    facts = LeadOut.model_validate(lead).model_dump()
    return LeadDetail.model_construct(
        **facts, status_history=[StatusChangeOut.model_validate(change) for change in history_of(lead)]
    )


# --- writing --------------------------------------------------------------------------------------------------

Text = Annotated[str, StringConstraints(max_length=300)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class NewLead(In):
    """A lead needs at least a name, a business, a phone or an email."""

    list_id: Annotated[int, Field(strict=True, gt=0, le=MAX_ID)]
    first_name: Text = ""
    last_name: Text = ""
    business: Text = ""
    title: Text = ""
    country: Annotated[
        str, Field(pattern=r"^([A-Za-z]{2})?$", description="Two letters; also how a phone without + is read.")
    ] = ""
    phone: Annotated[str | None, StringConstraints(max_length=60)] = None
    extension: Annotated[str, StringConstraints(max_length=20)] = ""
    email: Annotated[str | None, StringConstraints(max_length=320)] = None
    website: Text = ""
    linkedin_url: Text = ""
    city: Text = ""
    state: Text = ""
    postal_code: Annotated[str, StringConstraints(max_length=20)] = ""
    zone: Annotated[
        str | None, Field(max_length=60, description="IANA time zone; left out, that of the postal code or phone.")
    ] = None
    source: Text = ""
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] = []
    custom: Annotated[dict[str, Any], Field(max_length=100)] = {}
    status: Literal[IMPORTABLE] = "new"  # type: ignore[valid-type]

    @field_validator("phone")
    @classmethod
    def _phone(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not (value or "").strip():
            return None
        number = parse_phone(value or "", info.data.get("country") or "US")
        if number is None:
            raise ValueError("is no possible phone number")
        return number

    @field_validator("email")
    @classmethod
    def _email(cls, value: str | None) -> str | None:
        if not (value or "").strip():
            return None
        try:
            return validate_email(value or "", check_deliverability=False).normalized.lower()
        except EmailNotValidError:
            raise ValueError("is no email address") from None

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if not value:
            return None
        try:
            return zone_info(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("is no IANA time zone") from None

    @field_validator("website", "linkedin_url")
    @classmethod
    def _link(cls, value: str) -> str:
        if value and not value.lower().startswith(("http://", "https://")):
            if ":" in value.split("/")[0] and not value.split("/")[0].rpartition(":")[2].isdecimal():
                raise ValueError("must be an http or https address")
            return f"https://{value}"
        return value

    def facts(self) -> dict[str, Any]:
        facts = self.model_dump(exclude={"list_id", "status"})
        facts["tags"] = [tag for tag in dict.fromkeys(clean_tag(tag) for tag in self.tags) if tag]
        return {name: clean_text(value) if isinstance(value, str) else value for name, value in facts.items()}


class StatusIn(In):
    status: Status
    reason: Annotated[str, Field(max_length=500, description="Needed to leave sale, converted or qualified.")] = ""
    seen: Annotated[
        str | None, Field(max_length=40, description="The status you saw: 409 when it moved on meanwhile.")
    ] = None


def _actor(caller: Caller) -> User:
    """Whoever made the key, as the services ask for it; not loaded and never saved."""
    return User(id=caller.user_id, company_id=caller.company_id, name="API", role="manager")


@endpoint(
    bp, "POST", "/leads", scope="leads:write", tag="Leads", summary="Create a lead", body=NewLead, answer=LeadDetail, status=201,
    once=True, example={"list_id": 1, "first_name": "Ana", "last_name": "Ruiz", "phone": "(212) 555-0123", "tags": ["fleet"]},
)  # fmt: skip
def create_lead_api(caller: Caller, body: NewLead) -> Any:
    """Send an Idempotency-Key, and a repeat after a lost answer makes no second lead."""
    if not (body.first_name.strip() or body.last_name.strip() or body.business.strip() or body.phone or body.email):
        raise ApiProblem(
            422, errors=[{"field": "first_name", "message": "give a name, a business, a phone or an email"}]
        )
    try:
        lead = create_lead(body.list_id, body.facts(), by=_actor(caller), status=body.status)
    except LookupError:
        raise ApiProblem(422, errors=[{"field": "list_id", "message": "there is no such list"}]) from None
    return show_lead(lead)


@endpoint(
    bp, "PATCH", "/leads/<int:lead_id>/status", scope="leads:write", tag="Leads", summary="Set a lead's status", body=StatusIn,
    answer=LeadDetail, once=True, problems=("conflict",), example={"status": "qualified", "reason": "Asked for a quote"},
)  # fmt: skip
def set_lead_status(caller: Caller, lead_id: int, body: StatusIn) -> Any:
    """As a person would on the lead's page: dnc puts its phone on the do-not-contact list, and is left only there."""
    known = _lead(caller, lead_id)
    try:
        lead = set_status(
            known.id, body.status, by=_actor(caller), reason=clean_text(body.reason) or None, seen=body.seen
        )
    except LookupError:
        abort(404)
    except StatusRefused as refused:
        raise ApiProblem(422, errors=[{"field": refused.field, "message": str(refused)}]) from None
    except MoveRefused as refused:
        raise ApiProblem(409, detail=str(refused)) from None
    except StaleEdit as stale:
        raise ApiProblem(409, detail=f"The status is no longer {body.seen or '(none)'}: it was {stale}.") from None
    return show_lead(lead)


# --- lists ---------------------------------------------------------------------------------------------------


class ListOut(Out):
    id: int
    name: str
    active: bool
    weight: int
    dial_campaign_id: int | None
    archived_at: datetime | None
    created_at: datetime
    leads: int
    problems: Annotated[int, Field(description="Leads in any problem class.")]


class ListsOut(Out):
    items: list[ListOut]
    next: str | None


class ListCursor(In):
    id: Annotated[int, Field(gt=0, le=MAX_ID)]


class StatusRow(Out):
    status: str | None
    label: str
    leads: int
    share: Annotated[float, Field(description="Of the list's leads, 0 to 1.")]
    never_dialed: int
    attempts: Annotated[int, Field(description="Dials of these leads, all together.")]


class BreakdownOut(Out):
    list_id: int
    name: str
    total: int
    problems: dict[str, int]
    statuses: Annotated[
        list[StatusRow], Field(description='Every status, also at 0; null is "(none)". The rows add up to total.')
    ]


@endpoint(
    bp, "GET", "/lists", scope="leads:read", tag="Lists", summary="List lead lists", query=PageQuery, answer=ListsOut
)
def list_lists_api(caller: Caller, query: PageQuery) -> Any:
    """Oldest first, each with its number of leads."""
    after = read_cursor(ListCursor, query.cursor).id if query.cursor is not None else None
    rows, key = page_of_lists(caller.company_id, after=after, limit=query.limit)
    names = [name for name in ListOut.model_fields if name not in ("leads", "problems")]
    items = [
        {**{name: getattr(row, name) for name in names}, "leads": count(cells), "problems": count(cells, _is_problem)}
        for row, cells in rows
    ]
    return {"items": items, "next": write_cursor(key) if key else None}


def _is_problem(cell: Cell) -> bool:
    return cell.problem is not None


@endpoint(
    bp, "GET", "/lists/<int:list_id>/status-breakdown", scope="leads:read", tag="Lists", summary="Status breakdown of a list",
    answer=BreakdownOut,
)  # fmt: skip
def get_status_breakdown(caller: Caller, list_id: int) -> Any:
    """The same numbers as the list's pages and its report, for they come from one query."""
    row = get_owned_or_404(LeadList, list_id, caller.company_id)
    cells = get_cells(caller.company_id, list_id=row.id)
    total, found = count(cells), by_status(cells)
    names: list[str | None] = [*LEAD.names, *([None] if found.get(None) else [])]
    problems: dict[str, int] = {}
    for cell in cells:
        if cell.problem is not None:
            problems[cell.problem] = problems.get(cell.problem, 0) + cell.leads
    return {
        "list_id": row.id, "name": row.name, "total": total, "problems": problems,
        "statuses": [_status_row(name, cells, found.get(name, 0), total) for name in names],
    }  # fmt: skip


def _status_row(name: str | None, cells: list[Cell], leads: int, total: int) -> dict[str, Any]:
    own = [cell for cell in cells if cell.status == name]
    return {
        "status": name, "label": LEAD[name].label, "leads": leads, "share": round(leads / total, 6) if total else 0.0,
        "never_dialed": count(own, lambda cell: cell.dials == 0), "attempts": sum(cell.dial_sum for cell in own),
    }  # fmt: skip
