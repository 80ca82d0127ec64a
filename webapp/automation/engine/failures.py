"""Why an attempt failed: the seed's sixteen types, in the order that decides when several fit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureType(StrEnum):
    BROWSER_CRASH = "browser_crash"
    NETWORK_ERROR = "network_error"
    IP_BLOCKED = "ip_blocked"
    RATE_LIMITED = "rate_limited"
    BOT_DETECTION = "bot_detection"
    CAPTCHA_DETECTED = "captcha_detected"
    PAGE_TIMEOUT = "page_timeout"
    UNEXPECTED_REDIRECT = "unexpected_redirect"
    FORM_NOT_FOUND = "form_not_found"
    MULTIPLE_FORMS = "multiple_forms"
    FORM_CHANGED = "form_changed"
    FIELD_NOT_FOUND = "field_not_found"
    DROPDOWN_OPTION_MISSING = "dropdown_option_missing"
    FIELD_DISABLED = "field_disabled"
    JAVASCRIPT_ERROR = "javascript_error"
    SUBMISSION_FAILED = "submission_failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a type is shown: `advice` says what a person does about it; `wall` marks a site that says no to machines."""

    label: str
    advice: str
    wall: bool = False


FAILURES: dict[FailureType, Failure] = {
    FailureType.BROWSER_CRASH: Failure("Browser crashed", "It is tried again by itself; if it repeats, look at the machine's memory."),
    FailureType.NETWORK_ERROR: Failure("Network error", "The site did not answer. Check the address; it is tried again by itself."),
    FailureType.IP_BLOCKED: Failure("Address blocked", "The site refuses this server. Reach them by phone or email.", wall=True),
    FailureType.RATE_LIMITED: Failure("Rate limited", "The site asks for a slower pace; the next try waits as long as it says.", wall=True),
    FailureType.BOT_DETECTION: Failure("Bot wall", "The site lets no machine in. Do it by hand.", wall=True),
    FailureType.CAPTCHA_DETECTED: Failure("Captcha", "The form asks for a person. Do it by hand.", wall=True),
    FailureType.PAGE_TIMEOUT: Failure("Page too slow", "The page did not load in time; it is tried again by itself."),
    FailureType.UNEXPECTED_REDIRECT: Failure("Led elsewhere", "The site moved to another address. Check it, then correct the dealership."),
    FailureType.FORM_NOT_FOUND: Failure("No contact form", "Open the site and give the dealership the address of its contact page."),
    FailureType.MULTIPLE_FORMS: Failure("Several contact forms", "Give the dealership the address of its contact page, one with a single form, or do it by hand."),
    FailureType.FORM_CHANGED: Failure("Form has changed", "Open the mapping, correct its fields and try it in a dry run."),
    FailureType.FIELD_NOT_FOUND: Failure("Field not understood", "A required field is unknown. Name it on the mapping page."),
    FailureType.DROPDOWN_OPTION_MISSING: Failure("No fitting choice", "A required list has no option for this enquiry. Choose one on the mapping page."),
    FailureType.FIELD_DISABLED: Failure("Field locked", "The form keeps a field or its button locked. Look at the picture, then do it by hand."),
    FailureType.JAVASCRIPT_ERROR: Failure("Script error", "The site's own script breaks its form. Do it by hand."),
    FailureType.SUBMISSION_FAILED: Failure("Not confirmed", "Read what the site said. If the outcome is unknown, ask them before sending again."),
}  # fmt: skip
ORDER = {kind: number for number, kind in enumerate(FailureType)}


def first_of(kinds: list[FailureType]) -> FailureType:
    """The one that names the attempt; the rest stay as evidence."""
    return min(kinds, key=ORDER.__getitem__)


class Failed(Exception):
    """The attempt ends here. `evidence` are further findings, strongest first; `retry_after` in seconds; `mailto` found instead."""

    mailto = ""

    def __init__(
        self, kind: FailureType, message: str, *, evidence: tuple[str, ...] = (), retry_after: float | None = None
    ):
        self.kind, self.message, self.evidence, self.retry_after = kind, message, evidence, retry_after
        super().__init__(f"{kind}: {message}")
