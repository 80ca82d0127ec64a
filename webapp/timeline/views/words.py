"""Words that several templates of the timeline use."""

from __future__ import annotations

from datetime import datetime

from webapp.core.text import ago, duration, exact, zone_info
from webapp.timeline.rules import Known
from webapp.timeline.states import METHODS
from webapp.timeline.views import bp


@bp.app_template_global("who_said")
def who_said(known: Known) -> str:
    """ "Alice emailed them 2 d ago: Quick question (no reply)"."""
    who, method = known.who or "Rebound", METHODS[known.method]
    subject = f": {known.subject}" if known.subject else ""
    if known.scheduled_for is not None:
        return f"{who} planned one for {exact(known.scheduled_for)}{subject}"
    end = "replied" if known.responded else "no reply"
    if known.kind == "call":
        end = "answered" if known.caps else "not answered"
    return f"{who} {method.said} them {ago(known.at)}{subject} ({end})"


@bp.app_template_filter("later")
def later(at: datetime, since: datetime) -> str:
    seconds = (at - since).total_seconds()
    return f"{round(seconds / 86_400)} d" if seconds >= 2 * 86_400 else duration(seconds)


@bp.app_template_filter("time_in")
def time_in(at: datetime, zone: str) -> str:
    return f"{at.astimezone(zone_info(zone)):%H:%M}"
