"""Reports over the API."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from webapp.core.access import MAX_ID
from webapp.core.api import ApiProblem
from webapp.core.apikit import Caller, In, Out, api_blueprint, endpoint
from webapp.reports.dialing import dialing_data, get_dialing
from webapp.reports.dialing import read_filter as read_dialing_filter
from webapp.reports.outreach import get_outreach, outreach_data, read_filter, today_of
from webapp.timeline.states import METHODS

bp = api_blueprint("reports_api", __name__)
Method = Literal[tuple(METHODS)]  # type: ignore[valid-type]


class OutreachQuery(In):
    method: Method | None = None  # type: ignore[valid-type]
    from_date: Annotated[
        date | None, Field(description="A day of the company's zone, included. 30 days back when left out.")
    ] = None
    to_date: Annotated[
        date | None, Field(description="A day of the company's zone, included. Today when left out.")
    ] = None
    user_id: Annotated[int | None, Field(gt=0, le=MAX_ID, description="One rep.")] = None


class OutreachOut(Out):
    from_date: date
    to_date: date
    zone: str
    total_attempts: Annotated[int, Field(description="Outbound contacts that happened, dialer calls included.")]
    by_method: dict[str, int]
    response_rate: Annotated[float | None, Field(description="0 to 1; null without attempts.")]
    responses: int
    avg_response_time_hours: float | None
    median_response_time_hours: float | None
    methods: list[dict[str, Any]]
    by_rep: Annotated[
        list[dict[str, Any]], Field(description="Ranked from 10 attempts by the lower bound of the 95 % interval.")
    ]
    previous: Annotated[dict[str, Any], Field(description="The period of the same length before.")]
    duplicates_prevented: int


def _check_period(query: OutreachQuery | DialingQuery) -> None:
    if query.from_date and query.to_date and query.from_date > query.to_date:
        raise ApiProblem(422, errors=[{"field": "to_date", "message": "lies before from_date"}])
    for name in ("from_date", "to_date"):
        day = getattr(query, name)
        if day is not None and not 1970 <= day.year <= 2100:
            raise ApiProblem(422, errors=[{"field": name, "message": "must lie between 1970 and 2100"}])


@endpoint(
    bp, "GET", "/analytics/outreach", scope="reports:read", tag="Reports", summary="Outreach analytics", query=OutreachQuery,
    answer=OutreachOut,
)  # fmt: skip
def get_outreach_api(caller: Caller, query: OutreachQuery) -> Any:
    """The same numbers as the page, the PDF and the CSV, for they come from one query."""
    _check_period(query)
    f, _notes = read_filter(query.model_dump(mode="json", exclude_none=True), today=today_of(caller.company_id))
    return outreach_data(get_outreach(caller.company_id, f))


class DialingQuery(In):
    from_date: Annotated[
        date | None, Field(description="A day of the company's zone, included. 30 days back when left out.")
    ] = None
    to_date: Annotated[
        date | None, Field(description="A day of the company's zone, included. Today when left out.")
    ] = None
    campaign_id: Annotated[int | None, Field(gt=0, le=MAX_ID, description="One dial campaign.")] = None
    user_id: Annotated[int | None, Field(gt=0, le=MAX_ID, description="One agent.")] = None


class DialingOut(Out):
    from_date: date
    to_date: date
    zone: str
    campaign_id: int | None
    user_id: int | None
    dials: Annotated[int, Field(description="Calls that were started in the period, whatever came of them.")]
    contacts: Annotated[int, Field(description="Dials on which somebody spoke.")]
    contact_rate: Annotated[float | None, Field(description="0 to 1; null without dials.")]
    talk_seconds: Annotated[int, Field(description="Duration of the answered calls.")]
    mean_talk_seconds: Annotated[float | None, Field(description="Over the answered calls that have a duration.")]
    sales: int
    callbacks: int
    qualified: int
    by_status: dict[str, int]
    by_disposition: Annotated[dict[str, int], Field(description='"none" stands for dials without one.')]
    by_agent: Annotated[list[dict[str, Any]], Field(description="user_id is null for agents known by name only.")]
    by_campaign: list[dict[str, Any]]
    by_day: list[dict[str, Any]]
    by_hour: list[dict[str, Any]]
    by_weekday_and_hour: Annotated[list[list[int]], Field(description="Dials; seven rows from Monday, 24 hours each.")]
    previous: Annotated[dict[str, Any], Field(description="The period of the same length before.")]
    penetration: Annotated[
        dict[str, Any] | None, Field(description="Of the chosen campaign's lists; null without a campaign.")
    ]


@endpoint(
    bp, "GET", "/analytics/dialing", scope="reports:read", tag="Reports", summary="Dialing by agent and campaign",
    query=DialingQuery, answer=DialingOut,
)  # fmt: skip
def get_dialing_api(caller: Caller, query: DialingQuery) -> Any:
    """The same numbers as the page, the PDF and the CSV, for they come from one query."""
    _check_period(query)
    asked = query.model_dump(mode="json", exclude_none=True)
    f, _notes = read_dialing_filter(asked, today=today_of(caller.company_id))
    return dialing_data(get_dialing(caller.company_id, f))
