"""The company's rules of outreach: read by the guard as one `Limits`, changed on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.models import User
from webapp.accounts.places import WEEKDAYS
from webapp.core.audit import AuditEvent, record_event
from webapp.core.db import atomic, db
from webapp.timeline.models import OutreachRule, OutreachSettings
from webapp.timeline.rules import DEFAULT, Limits, MethodLimit, Quiet
from webapp.timeline.states import METHODS

_READ = sa.text(
    """
    SELECT to_jsonb(s) AS own, (
      SELECT coalesce(jsonb_object_agg(r.method, jsonb_build_array(r.cap_count, r.cap_hours, r.warn_days)), '{}'::jsonb)
      FROM outreach_rules r WHERE r.company_id = :company
    ) AS methods
    FROM (SELECT 1) AS one LEFT JOIN outreach_settings s ON s.company_id = :company
    """
)
NAMED = 3  # changes that the audit's line tells in full; all of them are in its details


@dataclass(frozen=True, slots=True)
class Rules:
    """What the page shows: `version` is 1 until somebody has saved it."""

    limits: Limits = DEFAULT
    show_presence: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    label: str
    before: str
    after: str


class StaleRules(Exception):
    """The rules were saved by somebody else since the form was made: `theirs` now, and where `mine` differ."""

    def __init__(self, theirs: Rules, differences: list[Change], who: str, at: Any):
        self.theirs, self.differences, self.who, self.at = theirs, differences, who, at
        super().__init__(f"changed by {who}")


def get_limits(company_id: int) -> Limits:
    """What the guard of this company goes by, in one query; the defaults where the company has said nothing."""
    return get_rules(company_id).limits


def get_rules(company_id: int) -> Rules:
    row = db.session.execute(_READ, {"company": company_id}).one()
    methods = {
        name: MethodLimit(*row.methods[name]) if name in row.methods else DEFAULT.methods[name] for name in METHODS
    }
    own: Mapping[str, Any] | None = row.own
    if own is None:
        return Rules(Limits(methods=methods))
    windows = {day: _window(own["quiet_windows"].get(str(day), DEFAULT.quiet.windows[day])) for day in range(7)}
    quiet = Quiet(own["quiet_for_people"], own["quiet_for_campaigns"], windows, frozenset(own["holidays"]))
    limits = Limits(methods, own["other_method_days"], own["reply_hours"], quiet)
    return Rules(limits, own["show_presence"], own["version"])


def _window(pair: Any) -> tuple[str, str] | None:
    return None if pair is None else (str(pair[0]), str(pair[1]))


@atomic(retry=3)
def save_rules(rules: Rules, *, by: User) -> list[Change]:
    """Put these rules in force at once; what changed. `rules.version` is the one the person saw.

    Raises StaleRules when somebody saved other rules meanwhile.
    """
    company_id = by.company_id
    db.session.execute(insert(OutreachSettings).values(company_id=company_id).on_conflict_do_nothing())
    db.session.execute(
        sa.select(OutreachSettings.id).where(OutreachSettings.company_id == company_id).with_for_update()
    )
    theirs = get_rules(company_id)
    changes = list_changes(theirs, rules)
    if not changes:
        return []
    if theirs.version != rules.version:
        who, at = _last_change(company_id)
        raise StaleRules(theirs, changes, who, at)
    _write_methods(company_id, rules.limits)
    quiet = rules.limits.quiet
    db.session.execute(
        sa.update(OutreachSettings.__table__)
        .where(OutreachSettings.company_id == company_id)
        .values(
            other_method_days=rules.limits.other_method_days, reply_hours=rules.limits.reply_hours,
            quiet_for_people=quiet.for_people, quiet_for_campaigns=quiet.for_campaigns,
            quiet_windows={str(day): window and list(window) for day, window in quiet.windows.items()},
            holidays=sorted(quiet.holidays), show_presence=rules.show_presence, version=theirs.version + 1,
        )
    )  # fmt: skip
    told = "; ".join(f"{change.label} from {change.before} to {change.after}" for change in changes[:NAMED])
    more = f"; and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
    record_event(
        "setting_changed", f"Outreach rules: {told}{more}", by=by, subject=_row(company_id),
        changes={change.label: {"before": change.before, "after": change.after} for change in changes},
    )  # fmt: skip
    return changes


def _write_methods(company_id: int, limits: Limits) -> None:
    """A row only where the company differs from the default."""
    own = [
        {"company_id": company_id, "method": name, "cap_count": limit.cap_count, "cap_hours": limit.cap_hours,
         "warn_days": limit.warn_days}
        for name, limit in limits.methods.items()
        if limit != DEFAULT.methods[name]
    ]  # fmt: skip
    kept = [row["method"] for row in own]
    db.session.execute(
        sa.delete(OutreachRule).where(OutreachRule.company_id == company_id, OutreachRule.method.not_in(kept))
    )
    if own:
        put = insert(OutreachRule).values(own)
        columns = {name: put.excluded[name] for name in ("cap_count", "cap_hours", "warn_days")}
        db.session.execute(put.on_conflict_do_update(index_elements=["company_id", "method"], set_=columns))


def _row(company_id: int) -> OutreachSettings:
    query = sa.select(OutreachSettings).where(OutreachSettings.company_id == company_id)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def _last_change(company_id: int) -> tuple[str, Any]:
    row = db.session.execute(
        sa.select(User.name, AuditEvent.created_at)
        .outerjoin(User, User.id == AuditEvent.user_id)
        .where(AuditEvent.company_id == company_id, AuditEvent.subject_type == OutreachSettings.__tablename__)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).first()
    return (row[0] or "Rebound", row[1]) if row else ("Rebound", None)


# --- in words --------------------------------------------------------------------------------------------------


def describe(rules: Rules) -> dict[str, str]:
    """Every rule by its label, as the audit and the page of differences tell it."""
    limits, quiet = rules.limits, rules.limits.quiet
    found = {}
    for name, method in METHODS.items():
        limit = limits.methods[name]
        found[f"{method.label} cap"] = f"{limit.cap_count} in {limit.cap_hours} h" if limit.cap_count else "off"
        found[f"{method.label} warning"] = _days(limit.warn_days)
    found["Line about other methods"] = _days(limits.other_method_days)
    found["Answers pass for"] = f"{limits.reply_hours} h" if limits.reply_hours else "off"
    found["Quiet hours for people"] = _switch(quiet.for_people)
    found["Quiet hours for campaigns"] = _switch(quiet.for_campaigns)
    for day, name in enumerate(WEEKDAYS):
        window = quiet.windows.get(day)
        found[name] = f"{window[0]} to {window[1]}" if window else "closed"
    found["Holidays"] = ", ".join(sorted(quiet.holidays)) or "none"
    found["Who has a lead open"] = "shown" if rules.show_presence else "hidden"
    return found


def _days(count: int | None) -> str:
    return f"{count} {'day' if count == 1 else 'days'}" if count else "off"


def _switch(on: bool) -> str:
    return "on" if on else "off"


def list_changes(before: Rules, after: Rules) -> list[Change]:
    old, new = describe(before), describe(after)
    return [Change(label, old[label], new[label]) for label in old if old[label] != new[label]]
