"""The company's rules of outreach: read by the guard as one `Limits`, changed on one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from webapp.core.db import db
from webapp.timeline.rules import DEFAULT, Limits, MethodLimit, Quiet
from webapp.timeline.states import METHODS

_LIMITS = sa.text(
    """
    SELECT to_jsonb(s) AS own, (
      SELECT coalesce(jsonb_object_agg(r.method, jsonb_build_array(r.cap_count, r.cap_hours, r.warn_days)), '{}'::jsonb)
      FROM outreach_rules r WHERE r.company_id = :company
    ) AS methods
    FROM (SELECT 1) AS one LEFT JOIN outreach_settings s ON s.company_id = :company
    """
)


def get_limits(company_id: int) -> Limits:
    """What the guard of this company goes by, in one query; the defaults where the company has said nothing."""
    row = db.session.execute(_LIMITS, {"company": company_id}).one()
    methods = {
        name: MethodLimit(*row.methods[name]) if name in row.methods else DEFAULT.methods[name] for name in METHODS
    }
    own: Mapping[str, Any] | None = row.own
    if own is None:
        return Limits(methods=methods)
    windows = {day: _window(own["quiet_windows"].get(str(day), DEFAULT.quiet.windows[day])) for day in range(7)}
    return Limits(
        methods=methods,
        other_method_days=own["other_method_days"],
        reply_hours=own["reply_hours"],
        quiet=Quiet(own["quiet_for_people"], own["quiet_for_campaigns"], windows, frozenset(own["holidays"])),
    )


def _window(pair: Any) -> tuple[str, str] | None:
    return None if pair is None else (str(pair[0]), str(pair[1]))
