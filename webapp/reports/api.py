"""Reports over the API."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from webapp.core.access import MAX_ID
from webapp.core.api import ApiProblem
from webapp.core.apikit import Caller, In, Out, api_blueprint, endpoint
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


@endpoint(
    bp, "GET", "/analytics/outreach", scope="reports:read", tag="Reports", summary="Outreach analytics", query=OutreachQuery,
    answer=OutreachOut,
)  # fmt: skip
def get_outreach_api(caller: Caller, query: OutreachQuery) -> Any:
    """The same numbers as the page, the PDF and the CSV, for they come from one query."""
    if query.from_date and query.to_date and query.from_date > query.to_date:
        raise ApiProblem(422, errors=[{"field": "to_date", "message": "lies before from_date"}])
    for name in ("from_date", "to_date"):
        day = getattr(query, name)
        if day is not None and not 1970 <= day.year <= 2100:
            raise ApiProblem(422, errors=[{"field": name, "message": "must lie between 1970 and 2100"}])
    f, _notes = read_filter(query.model_dump(mode="json", exclude_none=True), today=today_of(caller.company_id))
    return outreach_data(get_outreach(caller.company_id, f))
