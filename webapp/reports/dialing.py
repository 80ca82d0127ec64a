"""Dialing in numbers: how often agents and campaigns dialed, who spoke, and what came of it.

One statement makes every number of the period; page, PDF, CSV and API render what it found. A dial counts on the day
it was started, and days are the company's. A contact is a dial on which somebody spoke.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import Company, User
from webapp.core.access import MAX_ID
from webapp.core.clock import db_now
from webapp.core.db import db
from webapp.dialer.models import DialCampaign
from webapp.dialer.results import CALL, DISPOSITIONS
from webapp.leads.models import LeadList
from webapp.leads.tallies import count, get_cells
from webapp.reports import outreach
from webapp.reports.out_of_dials import READ_AT_ONCE, count_exhausted
from webapp.reports.outreach import WEEKDAYS, OutreachFilter
from webapp.reports.status import FINAL, SCRUBBED, Ratio, work_out

NO_AGENT, NO_CAMPAIGN, NO_DISPOSITION = "No agent named", "No campaign", "No disposition"
PENETRATION = ("attempted", "final_gross", "final_net")
SHOWN = 200  # agents on a page; the CSV has all


@dataclass(frozen=True, slots=True)
class DialingFilter:
    """Days are inclusive and the company's; `user_id` the agent."""

    from_date: date
    to_date: date
    campaign_id: int | None = None
    user_id: int | None = None

    @property
    def days(self) -> int:
        return (self.to_date - self.from_date).days + 1

    def before(self) -> DialingFilter:
        """The period of the same length that ended the day before."""
        return replace(
            self, from_date=self.from_date - timedelta(days=self.days), to_date=self.from_date - timedelta(days=1)
        )

    def params(self) -> dict[str, Any]:
        found: dict[str, Any] = {"from_date": self.from_date.isoformat(), "to_date": self.to_date.isoformat()}
        for name in ("campaign_id", "user_id"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        return found


@dataclass(frozen=True, slots=True)
class Dials:
    """`contacts`: somebody spoke. `talk`: seconds of the answered calls, of which `timed` have a duration."""

    key: Any
    label: str
    dials: int = 0
    contacts: int = 0
    timed: int = 0
    talk: int = 0
    sales: int = 0
    callbacks: int = 0
    qualified: int = 0

    @property
    def share(self) -> float | None:
        return self.contacts / self.dials if self.dials else None

    @property
    def mean_talk(self) -> float | None:
        return self.talk / self.timed if self.timed else None


@dataclass(frozen=True, slots=True)
class DialingReport:
    """`penetration` is empty without a chosen campaign; `lists` are that campaign's, archived ones left out."""

    company: str
    zone: str
    made_at: datetime
    filter: DialingFilter
    campaign: str | None
    agent: str | None
    total: Dials
    previous: Dials
    statuses: tuple[Dials, ...]
    dispositions: tuple[Dials, ...]
    agents: tuple[Dials, ...]
    campaigns: tuple[Dials, ...]
    days: tuple[Dials, ...]
    hours: tuple[Dials, ...]  # 24
    grid: tuple[tuple[int, ...], ...]  # dials by weekday (Monday first) and hour
    lists: int
    penetration: tuple[Ratio, ...]

    @property
    def working_hours(self) -> tuple[Dials, ...]:
        """From the first hour that was dialed in to the last."""
        used = [row.key for row in self.hours if row.dials]
        return self.hours[used[0] : used[-1] + 1] if used else ()


def read_filter(args: Mapping[str, Any], *, today: date) -> tuple[DialingFilter, list[str]]:
    """From a query string; what cannot be used is left out and named."""
    known = {name: args.get(name) for name in ("from_date", "to_date")}
    period, notes = outreach.read_filter(known, today=today)

    def number(name: str, what: str) -> int | None:
        text = str(args.get(name) or "").strip()
        if not text:
            return None
        if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MAX_ID:
            return int(text)
        notes.append(f"There is no such {what}; it was left out.")
        return None

    return DialingFilter(
        period.from_date, period.to_date, number("campaign_id", "campaign"), number("user_id", "agent")
    ), notes


_COUNTS = """count(*) AS dials, count(*) FILTER (WHERE c.human) AS contacts,
 count(c.duration) FILTER (WHERE c.call_status = 'answered') AS timed,
 coalesce(sum(c.duration) FILTER (WHERE c.call_status = 'answered'), 0) AS talk,
 count(*) FILTER (WHERE c.disposition = 'sale') AS sales, count(*) FILTER (WHERE c.disposition = 'callback') AS callbacks,
 count(*) FILTER (WHERE c.disposition = 'qualified') AS qualified"""
_COUNT = """
SELECT g.*, u.name AS user_name, d.name AS campaign_name FROM (
  SELECT grouping(c.agent_id, c.campaign_id, c.call_status, c.disposition, c.day, c.hour) AS level,
         c.agent_id, c.who, c.campaign_id, c.call_status, c.disposition, c.day, c.dow, c.hour, {counts}
  FROM (
    SELECT c.agent_id, CASE WHEN c.agent_id IS NULL THEN btrim(c.agent_name) ELSE '' END AS who, c.campaign_id,
           c.call_status, c.disposition, c.human, c.duration, (c.started_at AT TIME ZONE :zone)::date AS day,
           extract(isodow FROM c.started_at AT TIME ZONE :zone)::int AS dow,
           extract(hour FROM c.started_at AT TIME ZONE :zone)::int AS hour
    FROM call_logs c WHERE {where}
  ) AS c
  GROUP BY GROUPING SETS ((), (c.agent_id, c.who), (c.campaign_id), (c.call_status), (c.disposition), (c.day), (c.dow, c.hour))
) AS g
LEFT JOIN users u ON u.id = g.agent_id AND u.company_id = :company
LEFT JOIN dial_campaigns d ON d.id = g.campaign_id AND d.company_id = :company
"""
# grouping(): a bit for each column that is not grouped by
_TOTAL, _AGENT, _CAMPAIGN, _STATUS, _DISPOSITION, _DAY, _HOUR = 63, 31, 47, 55, 59, 61, 62


def _where(company_id: int, f: DialingFilter, zone: str) -> tuple[str, dict[str, Any]]:
    """The calls that are counted, over call_logs as c."""
    since, upto = outreach.bounds(OutreachFilter(f.from_date, f.to_date), zone)
    values: dict[str, Any] = {"company": company_id, "since": since, "upto": upto}
    parts = ["c.company_id = :company AND c.started_at >= :since AND c.started_at < :upto"]
    for name, column, value in (("campaign", "campaign_id", f.campaign_id), ("agent", "agent_id", f.user_id)):
        if value is not None:
            parts.append(f"c.{column} = :{name}")
            values[name] = value
    return " AND ".join(parts), values


def get_dialing(company_id: int, f: DialingFilter) -> DialingReport:
    campaign = sa.select(DialCampaign.name).where(
        DialCampaign.company_id == company_id, DialCampaign.id == f.campaign_id
    )
    agent = sa.select(User.name).where(User.company_id == company_id, User.id == f.user_id)
    made_at, name, zone, campaign_name, agent_name = db.session.execute(
        sa.select(
            db_now(), Company.name, Company.zone, campaign.scalar_subquery(), agent.scalar_subquery()
        ).where(Company.id == company_id)
    ).one()  # fmt: skip
    where, values = _where(company_id, f, zone)
    rows = db.session.execute(
        sa.text(_COUNT.format(counts=_COUNTS, where=where)), values | {"zone": zone}
    ).all()  # fmt: skip
    where, values = _where(company_id, f.before(), zone)
    last = db.session.execute(sa.text(f"SELECT {_COUNTS} FROM call_logs c WHERE {where}"), values).one()

    def level(bits: int) -> list[Any]:
        return [row for row in rows if row.level == bits]

    def ranked(found: list[Dials]) -> tuple[Dials, ...]:
        return tuple(sorted(found, key=lambda r: (-r.dials, r.label, r.key or 0)))

    total = next((_dials(row, None, "All") for row in level(_TOTAL)), Dials(None, "All"))
    by_day = {row.day: _dials(row, row.day, row.day.isoformat()) for row in level(_DAY)}
    every = (f.from_date + timedelta(days=n) for n in range(f.days))
    statuses = {row.call_status: row for row in level(_STATUS)}
    ends = {row.disposition: row for row in level(_DISPOSITION)}
    grid = [[0] * 24 for _ in range(7)]
    hours: list[list[Any]] = [[] for _ in range(24)]
    for row in level(_HOUR):
        grid[row.dow - 1][row.hour] = row.dials
        hours[row.hour].append(row)
    lists, penetration = get_penetration(company_id, f.campaign_id) if campaign_name and f.campaign_id else (0, ())
    return DialingReport(
        company=name, zone=zone, made_at=made_at, filter=f, campaign=campaign_name, agent=agent_name, total=total,
        previous=_dials(last, None, "Before"),
        statuses=tuple(_dials(statuses[key], key, CALL[key].label) for key in CALL.names if key in statuses),
        dispositions=tuple(
            _dials(ends[key], key, label) for key, label in (*DISPOSITIONS.items(), (None, NO_DISPOSITION)) if key in ends
        ),
        agents=ranked([_dials(row, row.agent_id, row.user_name or row.who or NO_AGENT) for row in level(_AGENT)]),
        campaigns=ranked([_dials(row, row.campaign_id, row.campaign_name or NO_CAMPAIGN) for row in level(_CAMPAIGN)]),
        days=tuple(by_day.get(day, Dials(day, day.isoformat())) for day in every),
        hours=tuple(_sum(hour, found) for hour, found in enumerate(hours)),
        grid=tuple(tuple(line) for line in grid), lists=lists, penetration=penetration,
    )  # fmt: skip


_FACTS = ("dials", "contacts", "timed", "talk", "sales", "callbacks", "qualified")


def _dials(row: Any, key: Any, label: str) -> Dials:
    return Dials(key, label, *(int(getattr(row, name)) for name in _FACTS))


def _sum(hour: int, rows: list[Any]) -> Dials:
    return Dials(hour, f"{hour:02}:00", *(sum(int(getattr(row, name)) for row in rows) for name in _FACTS))


def get_penetration(company_id: int, campaign_id: int) -> tuple[int, tuple[Ratio, ...]]:
    """How far the campaign's lists are worked through, as their status reports say it: (lists, ratios)."""
    found = db.session.execute(
        sa.select(LeadList.id, DialCampaign)
        .join(DialCampaign, DialCampaign.id == LeadList.dial_campaign_id)
        .where(LeadList.company_id == company_id, DialCampaign.company_id == company_id, DialCampaign.id == campaign_id)
        .where(LeadList.archived_at.is_(None))
    ).all()
    cells = get_cells(company_id, list_ids=[row.id for row in found]) if found else []
    final = count(cells, lambda c: c.status in FINAL)
    most = READ_AT_ONCE // max(len(found), 1)  # the time of the page is the lists' together
    out = [
        count_exhausted(row.id, [c for c in cells if c.list_id == row.id], row.DialCampaign, most=most) for row in found
    ]
    final += sum(each.total for each in out)
    ratios = work_out(
        total=count(cells), attempted=count(cells, lambda c: c.dials > 0), dials=sum(c.dial_sum for c in cells),
        answered_calls=sum(c.answered_sum for c in cells), answered_leads=count(cells, lambda c: c.answered), final=final,
        scrubbed=count(cells, lambda c: c.status in SCRUBBED), redials_read=all(each.redials_read for each in out),
    )  # fmt: skip
    return len(found), tuple(ratio for ratio in ratios if ratio.key in PENETRATION)


# --- the report as plain data ----------------------------------------------------------------------------------------


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def dialing_data(report: DialingReport) -> dict[str, Any]:
    """The API's answer; a rate is a share of 1, or null where nothing was dialed."""

    def facts(row: Dials) -> dict[str, Any]:
        return {
            "dials": row.dials, "contacts": row.contacts, "contact_rate": _rounded(row.share, 6), "talk_seconds": row.talk,
            "mean_talk_seconds": _rounded(row.mean_talk, 4), "sales": row.sales, "callbacks": row.callbacks, "qualified": row.qualified,
        }  # fmt: skip

    f, before = report.filter, report.filter.before()
    return {
        "from_date": f.from_date, "to_date": f.to_date, "zone": report.zone, "campaign_id": f.campaign_id, "user_id": f.user_id,
        **facts(report.total),
        "by_status": {row.key: row.dials for row in report.statuses},
        "by_disposition": {row.key or "none": row.dials for row in report.dispositions},
        "by_agent": [{"user_id": row.key, "name": row.label, **facts(row)} for row in report.agents],
        "by_campaign": [{"campaign_id": row.key, "name": row.label, **facts(row)} for row in report.campaigns],
        "by_day": [{"day": row.key.isoformat(), **facts(row)} for row in report.days],
        "by_hour": [{"hour": row.key, **facts(row)} for row in report.hours],
        "by_weekday_and_hour": report.grid,
        "previous": {"from_date": before.from_date.isoformat(), "to_date": before.to_date.isoformat(), **facts(report.previous)},
        "penetration": {
            ratio.key: {"leads": ratio.part, "of_leads": ratio.whole, "share": _rounded(ratio.share, 6), "formula": ratio.formula}
            for ratio in report.penetration
        } or None,
    }  # fmt: skip


def csv_lines(report: DialingReport) -> Iterator[tuple[Any, ...]]:
    """One line a number, in the order of `dialing_files.COLUMNS`."""

    def line(section: str, row: Dials, note: str = "") -> tuple[Any, ...]:
        rate = None if row.share is None else round(100 * row.share + 1e-9, 2)
        return (section, row.key if row.key is not None else "", row.label, row.dials, row.contacts, rate, row.talk,
                row.mean_talk, row.sales, row.callbacks, row.qualified, None, None, None, note)  # fmt: skip

    before = report.filter.before()
    yield line("total", report.total)
    yield line("previous", report.previous, f"{before.from_date} to {before.to_date}")
    for section, rows in (
        ("status", report.statuses), ("disposition", report.dispositions), ("agent", report.agents),
        ("campaign", report.campaigns), ("day", report.days), ("hour", [row for row in report.hours if row.dials]),
    ):  # fmt: skip
        for row in rows:
            yield line(section, row)
    empty = (None,) * 10
    for weekday, hours in enumerate(report.grid):
        for hour, dials in enumerate(hours):
            if dials:
                key, label = f"{weekday}-{hour}", f"{WEEKDAYS[weekday]} {hour:02}:00"
                yield ("weekday_hour", key, label, dials, *empty, "")
    for ratio in report.penetration:
        share = None if ratio.share is None else round(100 * ratio.share + 1e-9, 2)
        yield ("penetration", ratio.key, ratio.label, *empty[:8], ratio.part, ratio.whole, share, ratio.formula)
