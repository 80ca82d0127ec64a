"""What goes into an attempt and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from webapp.automation.engine.failures import FailureType

Step = Literal["starting", "loading_page", "filling_form", "submitting"]
STEPS: tuple[Step, ...] = ("starting", "loading_page", "filling_form", "submitting")
Strategy = Literal["saved_mapping", "standard_form", "multi_step_form", "iframe_form"]
STRATEGIES: tuple[Strategy, ...] = ("saved_mapping", "standard_form", "multi_step_form", "iframe_form")
# confirmed: the site took it. rejected: it said no. unconfirmed: something left, nobody knows. not_sent: nothing left.
Submission = Literal["confirmed", "rejected", "unconfirmed", "not_sent"]
SUBMISSIONS: tuple[Submission, ...] = ("confirmed", "rejected", "unconfirmed", "not_sent")
CONSENTS = {
    "terms": "Their terms or privacy notice",
    "contact": "Being contacted about this enquiry",
    "sms": "Text messages",
}


@dataclass(frozen=True, slots=True)
class Enquiry:
    """What is submitted. Empty text means: not given. `phone` in E.164; `preferred_contact` is email, phone, sms or ""."""

    first_name: str
    last_name: str
    email: str
    phone: str = ""
    message: str = ""
    subject: str = ""
    company: str = ""
    street: str = ""
    city: str = ""
    state: str = ""  # two letters, of the US or Canada
    postal_code: str = ""
    country: str = "US"
    vehicle_year: str = ""
    vehicle_make: str = ""
    vehicle_model: str = ""
    vehicle_trim: str = ""
    stock_number: str = ""
    vin: str = ""
    preferred_contact: str = ""
    consents: frozenset[str] = frozenset({"terms", "contact"})

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """What was learned of one host's form. `fields`: control key to {"kind", "selector", "label"}, and "option" or "text" where a
    person fixed what goes in; `form` the form's selector, `fingerprint` of the form it fits.
    """

    contact_url: str
    fingerprint: str
    fields: dict[str, dict[str, str]]
    form: str = ""
    version: str = ""
    edited: bool = False  # by a person: their choice wins over the engine's


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    website: str
    contact_url: str = ""
    mapping: SavedMapping | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds."""

    page: float = 30.0
    step: float = 15.0
    confirm: float = 12.0
    attempt: float = 150.0


class Observer(Protocol):
    """The attempt's line to whoever started it. Each call may raise to end the attempt at once; none is made in a browser callback."""

    def step(self, name: Step) -> None: ...
    def about_to_submit(self) -> None:
        """Nothing has left yet, the next thing is the click: from its return on the outcome may be unknown."""

    def may_open(self, url: str) -> str:
        """ "" or the reason why this page must not be opened (robots.txt, quoted)."""


def check(observer: Observer) -> None:
    """Let the observer end the attempt here. It need not have a `check()`; if it has one, that is cheap and may raise.

    Called between page loads, waits of a second and fields, so that a cancellation is heard within 5 s.
    """
    asked = getattr(observer, "check", None)
    if asked is not None:
        asked()


@dataclass(frozen=True, slots=True)
class Field:
    """One control as the attempt dealt with it, for the mapping page: `value` only what the enquiry says, `box` on the picture."""

    key: str
    kind: str
    label: str
    selector: str
    required: bool
    filled: bool
    box: tuple[float, float, float, float] | None = None


@dataclass(slots=True)
class Outcome:
    """What an attempt came to. `submission` is None when it ended before that; a dry run is `ok` with `not_sent`.

    Pictures are PNG bytes; `logs` are console lines, page errors and failed requests; times in milliseconds.
    """

    ok: bool
    failure: FailureType | None = None
    message: str = ""
    submission: Submission | None = None
    evidence: list[str] = field(default_factory=list)
    also: list[FailureType] = field(default_factory=list)  # other types that fitted
    disallowed: str = ""  # the rule of robots.txt that forbids it: skipped, no failure
    retry_after: float | None = None  # seconds, as the site asked
    patience: float | None = None  # seconds that we leave a robots.txt in trouble alone, unasked
    strategy: Strategy | None = None
    learned: SavedMapping | None = None
    fields: list[Field] = field(default_factory=list)
    contact_url: str = ""
    final_url: str = ""
    mailto: str = ""  # an address found instead of a form
    screenshot_before: bytes | None = None
    screenshot_after: bytes | None = None
    screenshot_error: bytes | None = None
    page_source: str = ""
    logs: list[dict[str, Any]] = field(default_factory=list)
    trace: str = ""
    browser: str = ""
    user_agent: str = ""
    page_load_ms: int | None = None
    form_fill_ms: int | None = None
    submission_ms: int | None = None


Clock = Callable[[], float]
