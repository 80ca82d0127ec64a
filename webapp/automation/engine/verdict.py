"""What became of a form, decided from what was seen before the click and after it and from the requests that left. Pure.

Confirmed needs one strong piece of evidence or two of medium weight, and nothing against; without a request that carried our words it is
never confirmed. Text that stood on the page before the click counts for nothing. When in doubt: unconfirmed, which nobody sends again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

from webapp.automation.engine import phrases
from webapp.automation.engine.failures import FailureType, first_of
from webapp.automation.engine.outcome import Submission
from webapp.automation.engine.snapshot import Line, Said, Snapshot, View

CF7_STATES: dict[str, bool | None] = {
    "mail_sent": True, "mail_failed": False, "spam": False, "validation_failed": False, "acceptance_missing": False, "aborted": False,
    "payment_required": None, "init": None, "submitting": None, "resetting": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Left:
    """One request that left after the click. `ours` counts which of our values it carried; `status` is that of the last answer in its
    chain of redirects; `elsewhere` when its answer went to another frame or window than the form's.
    """

    url: str
    method: str = "POST"
    ours: int = 0
    body: bool = True
    navigation: bool = False
    elsewhere: bool = False
    status: int | None = None
    failed: str = ""
    done: bool = True
    reply: str = ""  # JSON that came back


@dataclass(frozen=True, slots=True)
class Recorded:
    """`enough` is how many of our values make a request ours; `sockets` counts messages that left through open sockets; `moved` when the
    form's frame or the page went elsewhere or a window opened; `unsure` when nobody saw how the press itself ended.
    """

    requests: tuple[Left, ...] = ()
    enough: int = 2
    dialogs: tuple[str, ...] = ()
    script_errors: tuple[str, ...] = ()
    sockets: int = 0
    moved: bool = False
    unsure: bool = False

    @property
    def mains(self) -> tuple[Left, ...]:
        return tuple(one for one in self.requests if one.ours >= self.enough)

    @property
    def maybe(self) -> bool:
        """Something may have left otherwise: a part of our words, a body that cannot be read, a socket, a page that has gone."""
        if self.sockets or self.moved or self.unsure:
            return True
        return any(one.ours or (one.body and one.method != "GET") for one in self.requests)


@dataclass
class Verdict:
    """`quiet`: seconds without change after which this stands; infinite where only the deadline ends the waiting."""

    submission: Submission
    message: str
    evidence: list[str]
    failure: FailureType | None = None
    also: list[FailureType] = field(default_factory=list)
    quiet: float = math.inf


@dataclass
class _Findings:
    strong: list[str] = field(default_factory=list)
    medium: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)  # the site's own words against
    thanks: list[str] = field(default_factory=list)  # and for
    firm_no: bool = False
    machine_yes: bool = False


def judge(before: Snapshot, after: Snapshot, recorded: Recorded) -> Verdict:
    """The outcome as of this moment."""
    found = _Findings()
    _weigh_machines(before, after, recorded, found)
    _weigh_lines(before, after, recorded, found)
    _weigh_form(before, after, recorded, found)
    _weigh_requests(recorded, found)
    return _decide(before, after, recorded, found)


def _answered(recorded: Recorded) -> bool:
    return any(one.status is not None and 200 <= one.status < 400 and not one.failed for one in recorded.mains)


def _weigh_machines(before: Snapshot, after: Snapshot, recorded: Recorded, found: _Findings) -> None:
    known = {said for view in before.views for said in view.machine}
    news = [said for view in after.views for said in view.machine if said not in known]
    news += [said for one in recorded.mains for said in _reply_of(one.reply) if said.builder != "reply"]
    for said in news:
        text = f"{said.builder} says {said.state}" + (f': "{said.text}"' if said.text else "")
        if said.good:
            found.strong.append(text)
            found.machine_yes = True
            found.thanks.append(said.text)
        elif said.good is False:
            found.against.append(text)
            found.firm_no = True
            found.refusal.append(said.text or said.state)
        else:
            found.against.append(text)
    for one in recorded.mains:
        for said in _reply_of(one.reply):
            if said.builder == "reply" and said.good:
                found.medium.append(f"the reply says success{_quoted(said.text)}")
            elif said.builder == "reply":
                found.against.append(f"the reply says no{_quoted(said.text)}")
                found.firm_no = True
                found.refusal.append(said.text)


def _quoted(text: str) -> str:
    return f': "{text[:200]}"' if text else ""


def _reply_of(reply: str) -> list[Said]:
    """What a JSON reply says outright: Contact Form 7's status, or a plain success or error flag."""
    try:
        given = json.loads(reply) if reply else None
    except ValueError:
        return []
    if not isinstance(given, dict):
        return []
    inner = given.get("data")
    words = next(
        (str(part[key]) for part in (given, inner) if isinstance(part, dict) for key in ("message", "error", "msg") if part.get(key)),
        "",
    )  # fmt: skip
    status = given.get("status")
    if "contact_form_id" in given and isinstance(status, str):
        good = CF7_STATES.get(status)
        return [Said("Contact Form 7", good, status, words)] if good is not None else []
    for key in ("success", "ok"):
        if isinstance(given.get(key), bool):
            return [Said("reply", given[key], key, words)]
    if given.get("error") or given.get("errors"):
        return [Said("reply", False, "error", words or str(given.get("errors"))[:200])]
    return []


def _weigh_lines(before: Snapshot, after: Snapshot, recorded: Recorded, found: _Findings) -> None:
    shown, known = before.shown(), before.known()
    places = {view.url.partition("#")[0] for view in before.views}
    answered, words = _answered(recorded), list[str]()
    for view in after.views:
        fresh_document = view.window or view.url.partition("#")[0] not in places
        for line in view.lines:
            if not line.seen or line.text in shown:
                continue
            if _speaks_against(line, view, fresh_document):
                found.against.append(f'newly shown: "{line.text[:200]}"')
                found.refusal.append(line.text)
                found.firm_no = found.firm_no or phrases.refuses(line.text)
            elif phrases.thanks(line.text) or (phrases.thanks_briefly(line.text) and not line.in_form):
                found.thanks.append(line.text)
                if line.text in known:
                    words.append(f'revealed: "{line.text[:200]}"')
                elif fresh_document and not phrases.thanks(line.text):
                    words.append(f'on a new page: "{line.text[:200]}"')
                elif answered:
                    found.strong.append(f'after the answer, newly shown: "{line.text[:200]}"')
            elif (
                answered
                and not fresh_document
                and not line.in_form
                and line.text not in known
                and phrases.thanks_at_length(line.text)
            ):
                found.thanks.append(line.text)
                words.append(f'newly shown: "{line.text[:200]}"')
            elif line.live and answered and not fresh_document and line.text not in known and _telling(line):
                found.strong.append(f'after the answer, newly announced: "{line.text[:200]}"')
                found.thanks.append(line.text)
    found.medium += words[:1]  # several sentences are one witness
    for text in recorded.dialogs:
        if phrases.refuses(text) or phrases.complains(text):
            found.against.append(f'dialog: "{text[:200]}"')
            found.refusal.append(text)
        elif (phrases.thanks(text) or phrases.thanks_briefly(text)) and answered:
            found.strong.append(f'after the answer, a dialog: "{text[:200]}"')
            found.thanks.append(text)


def _telling(line: Line) -> bool:
    return not (phrases.under_way(line.text) or phrases.idle(line.text))


def _speaks_against(line: Line, view: View, fresh_document: bool) -> bool:
    """A new page is full of words: there, a complaint counts only beside our form or where it is marked as one."""
    if phrases.under_way(line.text):
        return False
    marked = line.tone == "error" or (line.live and line.tone != "good")
    if line.tone == "error" and not phrases.thanks(line.text) and len(line.text) > 1:
        return True
    if phrases.refuses(line.text):
        return len(line.text) < 300
    return phrases.complains(line.text) and (marked or not fresh_document or view.held > 0)


def _weigh_form(before: Snapshot, after: Snapshot, recorded: Recorded, found: _Findings) -> None:
    marked = [name for view in before.views for name in view.wrong]
    wrong = [name for view in after.views for name in view.wrong if name not in marked]
    if wrong:
        found.against.append("marked as wrong: " + ", ".join(dict.fromkeys(wrong)))
    elsewhere = bool(recorded.mains) and all(one.elsewhere for one in recorded.mains)
    if before.held and after.held and not elsewhere and not found.machine_yes and recorded.mains:
        found.against.append("the form still holds what was typed")
    if before.held and not after.held and after.views:
        found.medium.append("the form is gone or empty")
    old = {view.url for view in before.views}
    thanking = [view.url for view in after.views if view.url not in old and phrases.thanks_in(view.url)]
    if thanking and not phrases.thanks_in(before.url):
        found.medium.append(f"the address says thanks: {thanking[0][:200]}")


def _weigh_requests(recorded: Recorded, found: _Findings) -> None:
    for one in recorded.mains:
        where = f"{one.method} {one.url[:160]}"
        if one.failed:
            found.against.append(f"{where} was cut off: {one.failed}")
        elif one.status is not None and one.status >= 400:
            found.against.append(f"{where} was answered with {one.status}")


def _decide(before: Snapshot, after: Snapshot, recorded: Recorded, found: _Findings) -> Verdict:
    mains = recorded.mains
    left = [f"{one.method} {one.url[:160]} left{f', answered {one.status}' if one.status else ''}" for one in mains]
    seen = any(view.top for view in after.views)  # of a page that cannot be looked at nothing is known
    if not mains and not recorded.maybe and seen:
        return _decide_not_sent(after, recorded, found)
    done = all(one.done for one in mains)
    broken = any(one.failed or (one.status or 0) >= 500 for one in mains)
    said_no = found.firm_no or bool(found.refusal) or any(a.startswith("marked as wrong") for a in found.against)
    said_no = said_no or any(400 <= (one.status or 0) < 500 for one in mains)
    evidence = [*found.strong, *found.medium, *(f"against: {text}" for text in found.against), *left]
    if mains and not found.against and (found.strong or len(found.medium) >= 2):
        # A page that came as a whole changes less than one in use.
        rest = 0.05 if all(one.navigation for one in mains) else 0.15
        return Verdict("confirmed", _words(found.thanks), evidence, quiet=rest if done else math.inf)
    if said_no and not broken and (not found.machine_yes or found.firm_no) and not (found.strong and not found.firm_no):
        kinds = [FailureType.SUBMISSION_FAILED]
        if any(one.status == 429 for one in mains):
            kinds.append(FailureType.RATE_LIMITED)
        first = first_of(kinds)
        against = [*(f"against: {text}" for text in found.against), *found.strong, *found.medium, *left]
        message = _words(found.refusal) or "; ".join(found.against)[:400]
        return Verdict(
            "rejected", message, against, first, [one for one in kinds if one is not first], 0.3 if done else math.inf
        )
    message = _words(found.refusal) or (
        "; ".join(found.against)[:400]
        if found.against
        else "Something left, and the site did not say what became of it."
        if recorded.requests or recorded.sockets
        else "Nobody saw whether anything left."
    )
    settled = broken and done and bool(mains)
    return Verdict("unconfirmed", message, evidence, FailureType.SUBMISSION_FAILED, quiet=0.6 if settled else math.inf)


def _decide_not_sent(after: Snapshot, recorded: Recorded, found: _Findings) -> Verdict:
    """Nothing left that anybody saw. Where the page thanks all the same, it may have left unseen: then nobody sends again."""
    if (found.thanks or found.machine_yes) and not found.against:
        evidence = [
            "no request carried the form",
            *found.strong,
            *found.medium,
            *(f'"{text}"' for text in found.thanks),
        ]
        return Verdict(
            "unconfirmed", "The page thanks, but nothing was seen to leave.", evidence, FailureType.SUBMISSION_FAILED
        )
    native = [text for view in after.views for text in view.native]
    evidence = ["nothing left after the click", *(f"against: {text}" for text in found.against)]
    evidence += [f"the browser finds wrong: {text}" for text in native]
    evidence += [f"script error: {text[:200]}" for text in recorded.script_errors]
    refused = _words(found.refusal) or "; ".join(native)
    kinds = [FailureType.SUBMISSION_FAILED]
    if recorded.script_errors and not refused:
        kinds.append(FailureType.JAVASCRIPT_ERROR)
    first = first_of(kinds)
    message = refused or (recorded.script_errors[0][:300] if first is FailureType.JAVASCRIPT_ERROR else "")
    return Verdict(
        "not_sent",
        message or "Nothing left the page after the click.",
        evidence,
        first,
        [one for one in kinds if one is not first],
        0.8 if refused or first is FailureType.JAVASCRIPT_ERROR else math.inf,
    )


def _words(texts: list[str]) -> str:
    """The site's own, each once, shortest message first said."""
    return " ".join(dict.fromkeys(text.strip() for text in texts if text.strip()))[:500]
