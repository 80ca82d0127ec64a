"""The lead status report of one list: one query module, of which page, PDF, CSV, Excel and JSON are renderings.

Everything is counted from the list's tally cells, but for some of those who have no dials left (reports.out_of_dials).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import abort

from webapp.accounts.models import Company
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.core.text import percent
from webapp.dialer.models import DialCampaign
from webapp.leads.models import LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD
from webapp.leads.tallies import DIAL_CAP, Cell, count, get_cells
from webapp.recycling.queries import problem_counts
from webapp.reports.advice import Recommendation, recommend
from webapp.reports.out_of_dials import count_exhausted

NONE = "(none)"
FINAL = frozenset(LEAD.with_flag("final"))
HUMAN = frozenset(LEAD.with_flag("human_answered"))
SCRUBBED = frozenset(("dnc", "invalid"))


@dataclass(frozen=True, slots=True)
class StatusRow:
    """`status` None is no status; `exhausted` wait to be dialed and have no dials left."""

    status: str | None
    name: str
    label: str
    tone: str
    icon: str
    leads: int
    share: float | None
    never_dialed: int
    dials: int
    answered: int
    exhausted: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """`percent` False: shown as a number, as saturation is."""

    key: str
    label: str
    part: int
    whole: int
    formula: str
    percent: bool = True

    @property
    def share(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def text(self) -> str:
        if self.share is None:
            return "–"
        return percent(self.share) if self.percent else f"{self.share:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class PassRow:
    number: int
    leads: int
    attempted: int
    dials: int
    answered: int

    @property
    def reach(self) -> float | None:
        return self.answered / self.attempted if self.attempted else None


@dataclass(frozen=True, slots=True)
class DialRow:
    label: str
    leads: int
    answered: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class ProblemRow:
    name: str
    label: str
    sentence: str
    rule: str
    repairable: bool
    leads: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    company: str
    country: str
    zone: str
    list_id: int
    list_name: str
    campaign: str | None
    lifetime_dials: int | None
    dials_per_pass: int | None
    made_at: datetime
    total_leads: int
    new_leads: int
    contacted_leads: int
    remaining_leads: int
    status_breakdown: dict[str, int]
    breakdown: tuple[StatusRow, ...]
    dials: int
    answered_calls: int
    attempted: int
    answered_leads: int
    exhausted: int
    redials_read: bool  # False: too many leads; `exhausted` are only those at a limit
    ratios: tuple[Ratio, ...]
    passes: tuple[PassRow, ...]
    dial_rows: tuple[DialRow, ...]
    problems: tuple[ProblemRow, ...]
    heavy_unanswered: int
    recommendations: tuple[Recommendation, ...]

    @property
    def dials_note(self) -> str:
        return (
            ""
            if self.redials_read
            else "only leads at a limit, for too many were redialed to look up whose redials are used up."
        )

    @property
    def problem_leads(self) -> int:
        return sum(row.leads for row in self.problems)

    def ratio(self, key: str) -> Ratio:
        return next(ratio for ratio in self.ratios if ratio.key == key)


def is_contacted(cell: Cell) -> bool:
    """Somebody was spoken to: an answered call, or a status that says so."""
    return cell.answered or cell.status in HUMAN


def get_status_report(company_id: int, list_id: int) -> StatusReport:
    """404 for a list that is not the company's."""
    found = db.session.execute(
        sa.select(LeadList, DialCampaign, Company, db_now().label("now"))
        .join(Company, Company.id == LeadList.company_id)
        .outerjoin(DialCampaign, DialCampaign.id == LeadList.dial_campaign_id)
        .where(LeadList.company_id == company_id, LeadList.id == list_id)
    ).first()
    if found is None:
        abort(404)
    lead_list, campaign, company, made_at = found
    cells = get_cells(company_id, list_id=list_id)
    lifetime = campaign.lifetime_dials if campaign else None
    per_pass = campaign.dials_per_pass if campaign else None
    out = count_exhausted(list_id, cells, campaign)
    total = count(cells)
    breakdown = _break_down(cells, total, out.for_ever + out.for_now)
    dials, answered_calls = sum(c.dial_sum for c in cells), sum(c.answered_sum for c in cells)
    attempted = count(cells, lambda c: c.dials > 0)
    answered_leads = count(cells, lambda c: c.answered)
    final = count(cells, lambda c: c.status in FINAL) + out.total
    scrubbed = count(cells, lambda c: c.status in SCRUBBED)
    problems = _list_problems(company_id, list_id)
    heavy = count(cells, lambda c: c.dials >= DIAL_CAP and not c.answered)
    facts = {
        "total": total, "attempted": attempted, "dials": dials, "answered_calls": answered_calls,
        "answered_leads": answered_leads, "final": final, "scrubbed": scrubbed,
    }  # fmt: skip
    return StatusReport(
        company=company.name, country=company.country, zone=company.zone, list_id=list_id, list_name=lead_list.name,
        campaign=campaign.name if campaign else None, lifetime_dials=lifetime, dials_per_pass=per_pass, made_at=made_at,
        total_leads=total, new_leads=count(cells, lambda c: c.status == "new"),
        contacted_leads=count(cells, is_contacted), remaining_leads=total - final,
        status_breakdown={row.name: row.leads for row in breakdown}, breakdown=breakdown, dials=dials,
        answered_calls=answered_calls, attempted=attempted, answered_leads=answered_leads, exhausted=out.total,
        redials_read=out.redials_read, ratios=work_out(**facts, redials_read=out.redials_read), passes=_list_passes(cells), dial_rows=_distribute(cells), problems=problems,
        heavy_unanswered=heavy,
        recommendations=recommend(
            list_id, total=total, problems=problems, heavy=heavy, exhausted=out.total, campaign=campaign is not None,
            recyclable={row.status: row.leads - out.for_ever[row.status] for row in breakdown if row.status},
        ),
    )  # fmt: skip


def _break_down(cells: list[Cell], total: int, exhausted: Counter[str | None]) -> tuple[StatusRow, ...]:
    """Every status that some lead has, in the order they are declared, and "(none)" always."""
    rows = []
    for status in (*LEAD.names, None):
        own = [c for c in cells if c.status == status]
        leads = count(own)
        if not leads and status is not None:
            continue
        state = LEAD[status]
        rows.append(
            StatusRow(
                status=status, name=status or NONE, label=state.label, tone=state.tone if leads else "neutral", icon=state.icon if status else "circle-dashed", leads=leads,
                share=leads / total if total else None, never_dialed=count(own, lambda c: c.dials == 0),
                dials=sum(c.dial_sum for c in own), answered=count(own, lambda c: c.answered), exhausted=exhausted[status],
            )
        )  # fmt: skip
    return tuple(rows)


def work_out(
    *,
    total: int,
    attempted: int,
    dials: int,
    answered_calls: int,
    answered_leads: int,
    final: int,
    scrubbed: int,
    redials_read: bool,
) -> tuple[Ratio, ...]:
    left = "no dials left" if redials_read else "at a limit of dials (redials used up: too many leads to look)"
    return (
        Ratio("contact_per_dial", "Contact rate per dial", answered_calls, dials, "answered calls ÷ dials"),
        Ratio("contact_per_lead", "Contact rate per lead attempted", answered_leads, attempted,
              "leads that answered at least once ÷ leads dialed at least once"),
        Ratio("attempted", "Attempted", attempted, total, "leads dialed at least once ÷ all leads"),
        Ratio("final_gross", "Final, gross", final, total, f"leads with a final status or {left} ÷ all leads"),
        Ratio("final_net", "Final, net", final - scrubbed, total - scrubbed,
              "final leads without Do Not Call and Invalid ÷ all leads without Do Not Call and Invalid"),
        Ratio("saturation", "Saturation", dials, total, "dials ÷ all leads; above 1 means more dials than leads", percent=False),
    )  # fmt: skip


def _list_passes(cells: list[Cell]) -> tuple[PassRow, ...]:
    rows = []
    for number in sorted({c.pass_number for c in cells}):
        own = [c for c in cells if c.pass_number == number]
        rows.append(
            PassRow(
                number,
                count(own),
                count(own, lambda c: c.dials > 0),
                sum(c.dial_sum for c in own),
                count(own, lambda c: c.answered),
            )
        )
    return tuple(rows)


def _distribute(cells: list[Cell]) -> tuple[DialRow, ...]:
    rows = []
    for dials in range(DIAL_CAP + 1):
        own = [c for c in cells if c.dials == dials]
        answered = count(own, lambda c: c.answered)
        rows.append(
            DialRow(f"{dials}+" if dials == DIAL_CAP else str(dials), count(own), answered, count(own) - answered)
        )
    return tuple(rows)


def _list_problems(company_id: int, list_id: int) -> tuple[ProblemRow, ...]:
    counts = problem_counts(company_id, list_id)
    return tuple(
        ProblemRow(p.name, p.label, p.sentence, p.rule, p.repairable, counts[p.name]) for p in PROBLEMS.values()
    )


# --- the report as plain data --------------------------------------------------------------------------


def report_data(report: StatusReport) -> dict[str, Any]:
    """For JSON: times as ISO text, shares as fractions of 1 beside their part and whole."""
    data = asdict(report)
    data["made_at"] = report.made_at.isoformat()
    data["ratios"] = [
        {**asdict(ratio), "share": None if ratio.share is None else round(ratio.share, 6), "text": ratio.text}
        for ratio in report.ratios
    ]
    data["passes"] = [{**asdict(row), "reach": row.reach} for row in report.passes]
    data["problem_leads"] = report.problem_leads
    return data


def sum_rows(rows: Iterable[StatusRow]) -> dict[str, int]:
    """The foot of the breakdown: it must be the list."""
    kept = list(rows)
    return {
        name: sum(getattr(row, name) for row in kept)
        for name in ("leads", "never_dialed", "dials", "answered", "exhausted")
    }
