"""The lead status report of one list: one query module, of which page, PDF, CSV, Excel and JSON are renderings.

Everything is counted from the list's tally cells. Only who has used up their dials may need index scans more: beyond the
cells' ten dials, in a second or later pass, and of the calls of those who were dialed more often than their result's redials.
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
from webapp.dialer.eligible import REDIALS_SPENT_SQL, RULES_SQL, run
from webapp.dialer.models import DialCampaign, RecycleRule
from webapp.dialer.rules import DEFAULT_RULES
from webapp.leads.models import Lead, LeadList
from webapp.leads.problems import PROBLEMS
from webapp.leads.states import LEAD
from webapp.leads.tallies import DIAL_CAP, Cell, count, get_cells
from webapp.recycling.queries import problem_counts
from webapp.reports.advice import Recommendation, recommend

NONE = "(none)"
FINAL = frozenset(LEAD.with_flag("final"))
HUMAN = frozenset(LEAD.with_flag("human_answered"))
SCRUBBED = frozenset(("dnc", "invalid"))
# Only who still waits to be dialed can run out of dials: a qualified lead is a person's business.
WAITING = frozenset((*LEAD.with_flag("dialable"), "callback", None))


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
    ratios: tuple[Ratio, ...]
    passes: tuple[PassRow, ...]
    dial_rows: tuple[DialRow, ...]
    problems: tuple[ProblemRow, ...]
    heavy_unanswered: int
    recommendations: tuple[Recommendation, ...]

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
    for_ever, for_now = count_exhausted(list_id, cells, campaign)
    total = count(cells)
    breakdown = _break_down(cells, total, for_ever + for_now)
    dials, answered_calls = sum(c.dial_sum for c in cells), sum(c.answered_sum for c in cells)
    attempted = count(cells, lambda c: c.dials > 0)
    answered_leads = count(cells, lambda c: c.answered)
    exhausted = sum(for_ever.values()) + sum(for_now.values())
    final = count(cells, lambda c: c.status in FINAL) + exhausted
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
        answered_calls=answered_calls, attempted=attempted, answered_leads=answered_leads, exhausted=exhausted,
        ratios=work_out(**facts), passes=_list_passes(cells), dial_rows=_distribute(cells), problems=problems,
        heavy_unanswered=heavy,
        recommendations=recommend(
            list_id, total=total, problems=problems, heavy=heavy, exhausted=exhausted, campaign=campaign is not None,
            recyclable={row.status: row.leads - for_ever[row.status] for row in breakdown if row.status},
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
    *, total: int, attempted: int, dials: int, answered_calls: int, answered_leads: int, final: int, scrubbed: int
) -> tuple[Ratio, ...]:
    return (
        Ratio("contact_per_dial", "Contact rate per dial", answered_calls, dials, "answered calls ÷ dials"),
        Ratio("contact_per_lead", "Contact rate per lead attempted", answered_leads, attempted,
              "leads that answered at least once ÷ leads dialed at least once"),
        Ratio("attempted", "Attempted", attempted, total, "leads dialed at least once ÷ all leads"),
        Ratio("final_gross", "Final, gross", final, total, "leads with a final status or no dials left ÷ all leads"),
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


# --- who has used up their dials ---------------------------------------------------------------------


def count_exhausted(
    list_id: int, cells: list[Cell], campaign: DialCampaign | None
) -> tuple[Counter[str | None], Counter[str | None]]:
    """Leads that wait to be dialed and have no dials left, by status: (for ever, until the next pass).

    By the rule of "Why not?", where a lead may be told an earlier reason. In the first pass the dials of the pass are all
    dials, which the cells know up to ten. A list without a campaign has no limits, and the shipped redials.
    """
    lifetime = campaign.lifetime_dials if campaign else None
    per_pass = campaign.dials_per_pass if campaign else None
    live = [c for c in cells if c.status in WAITING]
    for_ever: Counter[str | None] = Counter()
    for_now: Counter[str | None] = Counter()
    for c in live:
        if lifetime is not None and lifetime <= DIAL_CAP and c.dials >= lifetime:
            for_ever[c.status] += c.leads
        elif per_pass is not None and per_pass <= DIAL_CAP and c.pass_number == 1 and c.dials >= per_pass:
            for_now[c.status] += c.leads
    heavy = any(c.dials == DIAL_CAP for c in live)
    lead = Lead.__table__.c
    if lifetime is not None and lifetime > DIAL_CAP and heavy:
        found = _count_by_status(list_id, lead.dial_attempts >= lifetime)
        if per_pass is not None and per_pass <= DIAL_CAP:  # those of the first pass were taken for resting above
            for_now -= _count_by_status(list_id, lead.dial_attempts >= lifetime, lead.pass_number == 1)
        for_ever += found
    if per_pass is not None:
        not_yet = lead.dial_attempts < lifetime if lifetime is not None else sa.true()
        if any(c.pass_number > 1 and c.dials >= min(per_pass, DIAL_CAP) for c in live):
            for_now += _count_by_status(
                list_id, lead.pass_number > 1, lead.pass_dials > 0, lead.pass_dials >= per_pass, not_yet
            )
        if per_pass > DIAL_CAP and heavy:
            for_now += _count_by_status(list_id, lead.pass_number == 1, lead.dial_attempts >= per_pass, not_yet)
    return for_ever, for_now + _count_redialed(list_id, live, campaign)


_REDIALED = f"""
SELECT l.status, count(*) AS leads FROM leads l JOIN lead_lists ll ON ll.id = l.list_id
LEFT JOIN dial_campaigns dc ON dc.id = ll.dial_campaign_id {RULES_SQL}
WHERE l.list_id = %(list)s AND l.status = ANY(%(statuses)s::text[]) AND {REDIALS_SPENT_SQL}
  AND NOT coalesce(l.dial_attempts >= dc.lifetime_dials
    OR CASE WHEN l.pass_number = 1 THEN l.dial_attempts ELSE l.pass_dials END >= dc.dials_per_pass, false)
GROUP BY l.status
"""


def _count_redialed(list_id: int, live: list[Cell], campaign: DialCampaign | None) -> Counter[str | None]:
    """Those within the limits whose redials are used up. Only statuses in which some were dialed often enough are read."""
    redials = {status: allowed for status, (_, allowed) in DEFAULT_RULES.items()}
    if campaign is not None:
        rule = RecycleRule.__table__.c
        query = sa.select(rule.status, rule.redials).where(rule.campaign_id == campaign.id, rule.active)
        redials |= {row.status: row.redials for row in db.session.execute(query)}
    redials["callback"] = 1 + min(redials.values())  # its promise was a call too
    often = {c.status for c in live if c.status in redials and c.dials > min(redials[c.status], DIAL_CAP - 1)}
    if not often:
        return Counter()
    rows = run(_REDIALED, {"list": list_id, "statuses": sorted(often)})
    return Counter({row.status: row.leads for row in rows})


def _count_by_status(list_id: int, *tests: Any) -> Counter[str | None]:
    lead = Lead.__table__.c
    query = (
        sa.select(lead.status, sa.func.count())
        .where(lead.list_id == list_id, sa.or_(lead.status.is_(None), lead.status.in_(WAITING - {None})), *tests)
        .group_by(lead.status)
    )
    return Counter({row[0]: row[1] for row in db.session.execute(query)})


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
