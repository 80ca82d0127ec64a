"""One delivery from a dialer: its schema, and the plain form the service works on."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import phonenumbers
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

EARLIEST = datetime(1970, 1, 10, tzinfo=UTC)  # a week of talk before it is still after 1970
LATEST = datetime(2099, 12, 31, tzinfo=UTC)
MAX_ID = 2**63 - 1

CallStatus = Literal[
    "answered", "no_answer", "busy", "failed", "network", "congestion", "dropped", "cancelled", "machine", "invalid_number",
]  # fmt: skip
Disposition = Literal["contacted", "callback", "sale", "qualified", "not_interested", "dnc", "invalid"]


def _clean(value: object) -> object:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("must not hold NUL")
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise ValueError("must be valid Unicode")
    return value


def _moment(value: object) -> object:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if value is None or isinstance(value, datetime):
        return value
    raise ValueError("must be a time with its offset, as 2026-06-01T14:00:00Z")


Text = Annotated[str, BeforeValidator(_clean)]
Key = Annotated[str, BeforeValidator(_clean), StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), Field(ge=EARLIEST, le=LATEST)]


class CallEventIn(BaseModel):
    """An event of a call: `occurred_at` is when it happened (default: `ended_at`, `answered_at`, `started_at`, now)."""

    model_config = ConfigDict(extra="allow", str_max_length=20_000)

    provider: Key = "api"
    event_id: Key
    call_id: Key
    lead_id: Annotated[int, Field(strict=True, gt=0, le=MAX_ID)] | None = None
    phone: Annotated[str, BeforeValidator(_clean), StringConstraints(max_length=60)] | None = None
    type: Literal["dialing", "ringing", "answered", "ended", "completed"]
    call_status: CallStatus | None = None
    disposition: Disposition | None = None
    occurred_at: Moment | None = None
    started_at: Moment | None = None
    answered_at: Moment | None = None
    ended_at: Moment | None = None
    callback_at: Moment | None = None
    duration: Annotated[int, Field(strict=True, ge=0, le=604_800)] | None = None
    recording: Annotated[Text, StringConstraints(max_length=500)] = ""
    notes: Annotated[Text, StringConstraints(max_length=20_000)] = ""
    agent: Annotated[Text, StringConstraints(max_length=200)] = ""
    campaign_id: Annotated[int, Field(strict=True, gt=0, le=MAX_ID)] | None = None

    @model_validator(mode="after")
    def _times(self) -> CallEventIn:
        if self.started_at and self.ended_at and self.ended_at < self.started_at:
            raise ValueError("ended_at is before started_at")
        return self

    def as_event(self) -> dict[str, Any]:
        event = {name: getattr(self, name) for name in FIELDS}
        if event["type"] == "completed":
            event["type"] = "ended"
        return event


FIELDS = tuple(CallEventIn.model_fields)


def parse_event(raw: dict[str, Any]) -> dict[str, Any]:
    """The service's form of one delivery, its `payload` the object as received. Raises pydantic's ValidationError."""
    event = CallEventIn.model_validate(raw).as_event()
    event["payload"] = raw
    return event


@lru_cache(maxsize=8192)
def normal_phone(value: str | None, country: str = "US") -> str | None:
    """E.164, or None for what is no possible number."""
    if not value:
        return None
    try:
        parsed = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
