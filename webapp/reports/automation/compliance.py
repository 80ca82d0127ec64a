"""Compliance: that sites were asked politely, and taken at their word when they said no. What was not kept is listed, row by row."""

from __future__ import annotations

from collections import Counter
from typing import Any

from webapp.automation.settings import find_contact, get_settings
from webapp.reports.automation import compliance_sql as sql
from webapp.reports.automation.document import Column, Document, Fact, Row, Table
from webapp.reports.automation.scope import Scope

FIELDS = {
    "marketing": "Marketing opt-ins", "honeypot": "Traps for robots", "captcha": "Captcha answers", "password": "Passwords", "file": "Files",
}  # fmt: skip
ATTEMPT = "/attempts/{attempt_id}"
_DEALERSHIP = Column("dealership", "Dealership", pdf=24, width=30)
_ATTEMPT = Column("attempt_id", "Attempt", "id", pdf=10, link=ATTEMPT, width=10)
_WHEN = Column("at", "When", "time", pdf=22, width=22)


class Checks:
    """The rules, each with how often it was looked at and how often it was broken."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, key: str, label: str, looked_at: int, broken: int, how: str) -> None:
        verdict = "broken" if broken else ("kept" if looked_at else "unused")
        self.rows.append((key, label, looked_at, broken, verdict, how))

    def table(self) -> Table:
        columns = (
            Column("check", "Check key", pdf=0, page=False), Column("label", "Rule", pdf=26, width=34),
            Column("looked_at", "Looked at", "number", pdf=11), Column("broken", "Broken", "number", pdf=9),
            Column("verdict", "Verdict", "verdict", pdf=18), Column("how", "How it is checked", "long", pdf=42, width=90),
        )  # fmt: skip
        return Table("checks", "The rules", columns, tuple(self.rows))


def get_compliance(scope: Scope) -> Document:
    checks, where = Checks(), scope.where()
    skipped = scope.rows(sql.SKIPPED.format(where=where))
    robots = [row for row in skipped if row.skip_reason == "robots"]
    hosts = scope.rows(sql.HOSTS.format(where=scope.where("v")))
    asked = sum(row.robots_at is not None for row in hosts)
    checks.add("robots", "robots.txt is obeyed", len(hosts), 0,
               f"What it forbids is skipped with its rule: {len(robots)} times. It is on record for {asked} of {len(hosts)} hosts.")  # fmt: skip
    tables = [
        _hosts(hosts),
        *_pace(scope, checks, hosts),
        *_window(scope, checks),
        _robots(robots),
        _guard(checks, skipped),
    ]
    tables += [*_walls(scope, checks), *_fields(scope, checks), _agents(scope, checks)]
    broken = sum(row[3] for row in checks.rows)
    gaps = [row.smallest for row in hosts if row.smallest is not None]
    return scope.document(
        "compliance", "Compliance",
        (
            Fact("broken", "Broken", broken, hint=f"times, over {len(checks.rows)} rules"),
            Fact("hosts", "Hosts", len(hosts), hint="that were visited"),
            Fact("smallest_gap_seconds", "Shortest pause", float(min(gaps)) if gaps else None, "seconds", "between two visits of one host"),
            Fact("robots_skipped", "Skipped by robots.txt", len(robots)),
            Fact("guard_skipped", "Skipped by our guard", len(skipped) - len(robots), hint="do not contact, contacted already"),
            Fact("walls", "Walls respected", next((row[2] - row[3] for row in checks.rows if row[0] == "walls"), 0), hint="captchas, bot walls, blocks"),
        ),
        (checks.table(), *tables),
        notes=("Limits are today's settings: a limit that was raised later may show older visits as too soon. Visits of one host are counted "
               "over all projects of the company.",),
    )  # fmt: skip


def _hosts(hosts: list[Any]) -> Table:
    columns = (
        Column("host", "Host", pdf=30, width=30), Column("visits", "Visits", "number", pdf=9),
        Column("smallest_gap_seconds", "Shortest pause", "seconds", pdf=15), Column("median_gap_seconds", "Median pause", "seconds", pdf=14),
        Column("limit_seconds", "At least", "seconds", pdf=11), Column("crawl_delay_seconds", "Crawl-delay", "seconds", pdf=12),
        Column("violations", "Too soon", "number", pdf=10), Column("robots_at", "robots.txt read", "time", pdf=0, width=22),
    )  # fmt: skip
    rows = tuple(
        (r.host, r.visits, _float(r.smallest), _float(r.middle), _float(r.limit_seconds), _float(r.crawl_delay), r.violations, r.robots_at)
        for r in hosts
    )  # fmt: skip
    return Table("pace_by_host", "Pace by host", columns, rows, empty="No site was visited.")


def _float(value: Any) -> float | None:
    return None if value is None else round(float(value), 1)


def _pace(scope: Scope, checks: Checks, hosts: list[Any]) -> list[Table]:
    soon = scope.rows(sql.TOO_SOON.format(where=scope.where("v"))) if any(row.violations for row in hosts) else []
    days = scope.rows(sql.PER_DAY.format(where=scope.where("v")), most=get_settings(scope.company_id).daily_per_host)
    minutes = scope.rows(sql.PER_MINUTE.format(where=scope.where("t")))
    many = [row for row in days if row.visits > row.most]
    crowded = [row for row in minutes if row.inside > row.per_minute]
    checks.add("pace", "A pause between two visits of one host", sum(r.gaps for r in hosts), len(soon),
               "From the end of one visit to the start of the next, against the project's pause and the host's crawl-delay.")  # fmt: skip
    most = days[0].most if days else None
    checks.add("per_day", "A host's visits a day", len(days), len(many),
               f"At most {most} a day; the most was {days[0].visits}." if days else "No site was visited.")  # fmt: skip
    checks.add("per_minute", "Attempts a minute, over all hosts", len(minutes), len(crowded),
               f"At most {minutes[0].per_minute} in 60 seconds; the most was {minutes[0].inside}." if minutes else "No attempts.")  # fmt: skip
    found = []
    columns: tuple[Column, ...]
    if soon:
        columns = (
            Column("host", "Host", pdf=30, width=30), Column("before_id", "Visit before", "id", pdf=12, link="/attempts/{before_id}"),
            _ATTEMPT, _WHEN, Column("gap_seconds", "Pause", "seconds", pdf=11), Column("limit_seconds", "At least", "seconds", pdf=11),
        )  # fmt: skip
        rows = tuple(
            (r.host, r.before_id, r.id, r.started_at, float(r.gap_seconds), float(r.limit_seconds)) for r in soon
        )
        found.append(Table("too_soon", "Visits that came too soon", columns, rows))
    if many:
        columns = (Column("host", "Host", pdf=40, width=30), Column("day", "Day of UTC", "day", pdf=24),
                   Column("visits", "Visits", "number", pdf=16), Column("most", "At most", "number", pdf=16))  # fmt: skip
        found.append(
            Table(
                "too_many_a_day",
                "Days with too many visits",
                columns,
                tuple((r.host, r.day, r.visits, r.most) for r in many),
            )
        )
    if crowded:
        columns = (
            _ATTEMPT,
            _WHEN,
            Column("inside", "Attempts in its minute", "number", pdf=20),
            Column("most", "At most", "number", pdf=16),
        )
        found.append(Table("too_many_a_minute", "Minutes with too many attempts", columns,
                           tuple((r.id, r.started_at, r.inside, r.per_minute) for r in crowded)))  # fmt: skip
    return found


def _window(scope: Scope, checks: Checks) -> list[Table]:
    outside = scope.rows(sql.WINDOW.format(where=scope.where()))
    mine = [row for row in outside if row.by_hand]
    visits = scope.rows(
        f"SELECT count(*) AS n FROM automation_attempts a WHERE {scope.where()} AND (a.status <> 'skipped' OR a.skip_reason = 'robots')"
    )
    checks.add("window", "Only within the daily window", visits[0].n, len(outside) - len(mine),
               f"By the project's hours and days of today; {len(mine)} outside it were chosen by a person.")  # fmt: skip
    if not outside:
        return []
    columns = (_DEALERSHIP, _ATTEMPT, _WHEN, Column("by_hand", "Chosen by a person", "flag", pdf=18))
    return [
        Table(
            "outside_window",
            "Attempts outside the daily window",
            columns,
            tuple((r.name, r.id, r.started_at, r.by_hand) for r in outside),
        )
    ]


def _robots(robots: list[Any]) -> Table:
    columns = (
        _DEALERSHIP,
        Column("host", "Host", pdf=24, width=30),
        _ATTEMPT,
        _WHEN,
        Column("rule", "The rule", "long", pdf=30, width=60),
    )
    rows = tuple((r.name, r.host, r.id, r.started_at, r.rule) for r in robots)
    return Table("robots", "What robots.txt forbids", columns, rows, empty="No site's robots.txt forbade a page.")


def _guard(checks: Checks, skipped: list[Any]) -> Table:
    counts = Counter(row.skip_reason for row in skipped if row.skip_reason != "robots")
    dnc = counts.get("do_not_contact", 0)
    checks.add("guard", "Do not contact, and no one twice", sum(counts.values()), 0,
               f"The outreach guard is asked before the visit and again before the click; it skipped {dnc} as do not contact.")  # fmt: skip
    columns = (
        Column("skip_reason", "Reason", "skip", pdf=60, width=30),
        Column("attempts", "Skipped", "number", pdf=20),
    )
    rows = tuple((reason, n) for reason, n in sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0]))))
    return Table("guard", "What the outreach guard held back", columns, rows, empty="The guard held nothing back.")


def _walls(scope: Scope, checks: Checks) -> list[Table]:
    met = scope.rows(sql.WALLS.format(where=scope.where()))
    final = [row for row in met if row.error_type != "rate_limited"]
    again = [row for row in final if row.again is not None]
    checks.add("walls", "Captchas and walls end the attempt", len(final), len(again),
               "After one, no machine tries the dealership again in the same run, and none is solved or worked around.")  # fmt: skip
    waits = scope.rows(sql.RETRY_AFTER.format(where=scope.where()))
    hasty = [row for row in waits if row.waited is not None and row.waited < row.asked]
    checks.add(
        "retry_after",
        "A site that asks for patience gets it",
        len(waits),
        len(hasty),
        "The next try waits as long as Retry-After says.",
    )
    kinds = Counter(row.error_type for row in met)
    columns: tuple[Column, ...] = (
        Column("error_type", "Wall", "error", pdf=30, link=scope.attempts_path(error="{error_type}"), width=24),
        Column("attempts", "Attempts", "number", pdf=14), Column("dealerships", "Dealerships", "number", pdf=16),
        Column("before_submit", "Before anything was sent", "number", pdf=22), Column("as_answer", "In answer to the submit", "number", pdf=22),
        Column("tried_again", "Tried again", "number", pdf=14),
    )  # fmt: skip
    rows = []
    for kind, n in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])):
        own = [row for row in met if row.error_type == kind]
        pressed = sum(row.pressed for row in own)
        rows.append(
            (
                kind,
                n,
                len({row.row_id for row in own}),
                n - pressed,
                pressed,
                sum(r.again is not None for r in own),
            )
        )
    found = [Table("walls", "Captchas and walls", columns, tuple(rows), empty="No wall was met.")]
    if again:
        columns = (_DEALERSHIP, Column("error_type", "Wall", "error", pdf=20, width=24), _ATTEMPT, _WHEN,
                   Column("again_id", "Tried again", "id", pdf=14, link="/attempts/{again_id}"))  # fmt: skip
        found.append(Table("walls_again", "Tried again after a wall", columns,
                           tuple((r.name, r.error_type, r.id, r.started_at, r.again) for r in again)))  # fmt: skip
    if hasty:
        columns = (Column("host", "Host", pdf=30, width=30), _ATTEMPT, Column("asked_seconds", "Asked for", "seconds", pdf=16),
                   Column("waited_seconds", "Waited", "seconds", pdf=16), Column("next_id", "Next try", "id", pdf=14, link="/attempts/{next_id}"))  # fmt: skip
        found.append(
            Table(
                "hasty",
                "Tried before Retry-After",
                columns,
                tuple((r.host, r.id, r.asked, float(r.waited), r.next_id) for r in hasty),
            )
        )
    return found


def _fields(scope: Scope, checks: Checks) -> list[Table]:
    seen = scope.rows(sql.LEFT_ALONE.format(where=scope.where()))
    filled = [row for row in seen if row.filled]
    for kind, how in (("marketing", "A box for newsletters or offers is never ticked."),
                      ("honeypot", "A field that only a robot sees stays empty.")):  # fmt: skip
        own = [row for row in seen if row.kind == kind]
        checks.add(kind, f"{FIELDS[kind]} are left alone", len(own), sum(row.filled for row in own), how)
    found, wrongly = Counter(row.kind for row in seen), Counter(row.kind for row in filled)
    columns = (
        Column("kind", "Kind", pdf=0, page=False), Column("label", "Fields left alone", pdf=50, width=24),
        Column("seen", "Seen", "number", pdf=20), Column("filled", "Filled", "number", pdf=20),
    )  # fmt: skip
    rows = tuple((kind, label, found[kind], wrongly[kind]) for kind, label in FIELDS.items() if found[kind])
    tables = [Table("left_alone", "Fields that are left alone", columns, rows, empty="No such field was seen.")]
    if filled:
        columns = (_DEALERSHIP, _ATTEMPT, Column("kind", "Kind", pdf=20), Column("label", "Field", pdf=40, width=40))
        tables.append(
            Table("filled", "Filled all the same", columns, tuple((r.name, r.id, r.kind, r.label) for r in filled))
        )
    return tables


def _agents(scope: Scope, checks: Checks) -> Table:
    agents = [(r, find_contact(r.user_agent)) for r in scope.rows(sql.AGENTS.format(where=scope.where()))]
    checks.add("user_agent", "Sites are told who visits them", sum(r.attempts for r, _ in agents),
               sum(r.attempts for r, address in agents if address is None),
               "Behind the browser's own name stands ours, with an address at which somebody can be reached.")  # fmt: skip
    columns = (
        Column("user_agent", "User agent", "long", pdf=50, width=80), Column("attempts", "Attempts", "number", pdf=12),
        Column("address", "Address in it", pdf=24, width=40), Column("first_at", "First", "time", pdf=18, width=22),
        Column("last_at", "Last", "time", pdf=0, width=22),
    )  # fmt: skip
    rows = tuple((r.user_agent, r.attempts, address, r.first_at, r.last_at) for r, address in agents)
    return Table("user_agents", "Who we said we are", columns, rows, empty="No site was visited.")
