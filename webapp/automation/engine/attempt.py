"""One attempt: a target in, an outcome out. Whatever a site does has a name here; only the observer may end it by raising."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as BrowserTimeout

from webapp.automation.engine import captchas, contact_page, evidence, pages, read, saved, walls
from webapp.automation.engine.asking import answers
from webapp.automation.engine.browser import EngineBrowser
from webapp.automation.engine.choose import Choice
from webapp.automation.engine.failures import ORDER, Failed, FailureType
from webapp.automation.engine.fill import Unfillable
from webapp.automation.engine.naming import Mapped
from webapp.automation.engine.outcome import Enquiry, Limits, Observer, Outcome, SavedMapping, Step, Target, check
from webapp.automation.engine.pages import Disallowed, Visit
from webapp.automation.engine.recorder import watch_sockets
from webapp.automation.engine.recording import Recording
from webapp.automation.engine.seen import FormSeen, Kind
from webapp.automation.engine.steps import Walked, strategy_of, walk
from webapp.automation.engine.submit import Submitted, submit

T = TypeVar("T")
DEFAULT = Limits()
ESSENTIAL = (Kind.EMAIL, Kind.MESSAGE)
UNSEEN = "Something left after the click, and the page did not show what"
A_REQUEST = 200  # bytes of the least form in a tunnel
LOST = "It may have been sent: the browser was lost after the click"
FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


def attempt(
    browser: EngineBrowser, target: Target, enquiry: Enquiry, *, observer: Observer, limits: Limits = DEFAULT,
    dry_run: bool = False,
) -> Outcome:  # fmt: skip
    """Reach the target's contact form, fill it and, unless `dry_run`, send it; with proof of what happened.

    Raises only what the observer raises. A fault of the engine itself is told as browser_crash, with its trace. After
    `observer.about_to_submit()` nothing that goes wrong is told as if nothing had left.
    """
    return _Attempt(browser, target, enquiry, _Line(observer), limits, dry_run).run()


@dataclass
class _Line:
    """The observer, with a memory: what it raised, and whether the click has been announced. `before` is called ahead of that."""

    observer: Observer
    recording: Recording = field(default_factory=Recording)
    before: Callable[[], None] = lambda: None
    raised: BaseException | None = None
    submitting: bool = False

    def step(self, name: Step) -> None:
        self._tell(lambda: self.observer.step(name))

    def check(self) -> None:
        self._tell(lambda: check(self.observer))

    def about_to_submit(self) -> None:
        self.before()
        self._tell(self.observer.about_to_submit)
        self.submitting = self.recording.submitting = True

    def may_open(self, url: str) -> str:
        return self._tell(lambda: self.observer.may_open(url))

    def _tell(self, say: Callable[[], T]) -> T:
        try:
            return say()
        except BaseException as error:
            self.raised = error
            raise


@dataclass
class _Attempt:
    browser: EngineBrowser
    target: Target
    enquiry: Enquiry
    line: _Line
    limits: Limits
    dry_run: bool
    outcome: Outcome = field(default_factory=lambda: Outcome(ok=False))
    page: Page | None = None
    visit: Visit | None = None
    form: FormSeen | None = None
    heard: tuple[int, int] = (0, 0)  # by the proxy before the click
    shot: bytes | None = None  # of how it ended, if taken already
    late: bool = False  # the attempt's own time is up, and its Chromium was killed for it

    def run(self) -> Outcome:
        with ExitStack() as stack:
            watch = threading.Timer(self.limits.attempt, self._run_out)
            watch.daemon = True
            try:
                self.line.step("starting")
                context = self.browser.new_context(read.INIT_SCRIPT)
                stack.callback(self.browser.end, context)
                stack.callback(watch.cancel)
                watch.start()
                context.set_default_timeout(self.limits.step * 1000)
                context.set_default_navigation_timeout(self.limits.page * 1000)
                self.page = context.pages[0] if context.pages else context.new_page()
                watch_sockets(self.page)
                self.recording.attach(context, self.page)
                self._go()
            except (Disallowed, BrowserError, Failed, *FAULTS) as error:
                if error is self.line.raised:
                    raise
                self._end_by(error)
            self._conclude()
        return self.outcome

    def _end_by(self, error: Exception) -> None:
        if isinstance(error, Disallowed):
            self.outcome.disallowed, self.outcome.message = error.reason, f"Not opened: {error.reason}"
        elif isinstance(error, Failed):
            self._failed(error)
        elif isinstance(error, BrowserError):
            self._broke(error)
        else:
            self._fault(error)

    def _run_out(self) -> None:
        self.late = True
        self.browser.kill()

    def _go(self) -> None:
        page, outcome = self._page, self.outcome
        home = self.target.website or self.target.contact_url
        visit = self.visit = Visit(self.browser, page, self.recording, self.line, self.limits, home)
        outcome.evidence = visit.evidence
        self.line.step("loading_page")
        found, search = contact_page.find(visit, self.target)
        outcome.also += [one.kind for one in search.failures if one.kind is not FailureType.FORM_NOT_FOUND]
        outcome.contact_url = page.url
        self.form = found.choice.form
        outcome.evidence += [f"form: {reason}" for reason in found.choice.reasons[:4]]
        idle = captchas.check(page, self.form)
        outcome.evidence += [f"idle: {name}" for name in idle]
        self.line.before = self._before_click
        walked = self._fill(found.choice)
        if walked.submitted is not None:
            self._judge(walked.submitted, 0)
        elif self.dry_run:
            outcome.ok, outcome.submission = True, "not_sent"
        else:
            self._submit(visit, walked)

    @property
    def recording(self) -> Recording:
        return self.line.recording

    @property
    def _page(self) -> Page:
        assert self.page is not None
        return self.page

    def _before_click(self) -> None:
        """What the proxy has heard so far; and a picture of a form whose next button may send it: there was no better moment."""
        self.heard = self.browser.proxy.said
        if self.outcome.screenshot_before is None:
            self.outcome.screenshot_before = evidence.picture(self._page, self.recording, whole=False)

    def _fill(self, choice: Choice) -> Walked:
        page, outcome = self._page, self.outcome
        self.line.step("filling_form")
        began = time.monotonic()
        plan = self._plan(choice)
        self.form = plan.form
        outcome.strategy = strategy_of(Walked(plan.form), saved=plan.saved is not None)
        try:
            walked = walk(
                page, plan.form, _kinds(plan.mapped), self.enquiry, saved=plan.saved, limits=self.limits, observer=self.line,
                dry_run=self.dry_run,
            )  # fmt: skip
        except Unfillable as failed:
            outcome.fields = failed.fields
            outcome.learned = saved.learn(plan.form, plan.mapped, outcome.contact_url)  # for a person to correct
            if not plan.changed:
                raise
            outcome.also.append(failed.kind)
            raise Failed(
                FailureType.FORM_CHANGED, f"The form has changed ({plan.changed}), and cannot be filled: {failed.message}",
                evidence=failed.evidence,
            ) from failed  # fmt: skip
        finally:
            outcome.form_fill_ms = round((time.monotonic() - began) * 1000)
        outcome.fields, self.form = walked.fields, walked.form
        outcome.strategy = strategy_of(walked, saved=plan.saved is not None)
        outcome.learned = saved.learn(plan.form, plan.mapped, outcome.contact_url)
        if walked.submitted is None:
            outcome.screenshot_before = evidence.picture(page, self.recording)
        return walked

    def _plan(self, choice: Choice) -> _Plan:
        """What to fill and by which mapping. Raises Failed(FORM_CHANGED) when the form has lost what an enquiry needs."""
        known = self.target.mapping
        if known is None:
            return _Plan(choice.form, choice.mapped)
        form, mapped = choice.form, choice.mapped
        for verdict in choice.verdicts:
            if verdict.form.visible and saved.fingerprint(verdict.form) == known.fingerprint:
                form, mapped = verdict.form, verdict.mapped
                break
        fit = saved.fit(form, mapped, known)
        self.outcome.evidence += [f"changed: {one}" for one in fit.changes]
        had = {one.get("kind") for one in known.fields.values()}
        has = {one.kind.value for one in fit.mapped.values()}
        gone = [kind.value for kind in ESSENTIAL if kind.value in had and kind.value not in has]
        if gone:
            why = fit.reason or "; ".join(fit.changes)
            raise Failed(FailureType.FORM_CHANGED, f"The form has lost its field for {' and '.join(gone)}: {why}")
        if fit.state != "broken":
            changed = "" if fit.state == "exact" else "; ".join(fit.changes)
            return _Plan(form, fit.mapped, _carried(known, form, fit), changed)
        self.outcome.evidence.append(f"mapped anew: {fit.reason}")
        return _Plan(form, mapped, None, fit.reason)

    def _submit(self, visit: Visit, walked: Walked) -> None:
        page, outcome = self._page, self.outcome
        pages.check_place(visit)
        self.line.step("submitting")
        began, answered = time.monotonic(), len(self.recording.answers)
        try:
            submitted = submit(
                page, walked.form, self.enquiry, observer=self.line, limits=self.limits,
                photograph=lambda: evidence.picture(page, self.recording),
            )  # fmt: skip
        finally:
            outcome.submission_ms = round((time.monotonic() - began) * 1000)
        self._judge(submitted, answered)

    def _judge(self, submitted: Submitted, answered: int) -> None:
        """What stood in the way outranks that it was not confirmed. `answered` is how many pages had come before the click."""
        outcome = self.outcome
        if submitted.submission == "not_sent" and self._was_heard(submitted):
            submitted = replace(submitted, submission="unconfirmed", message=UNSEEN)
        outcome.submission, self.shot = submitted.submission, submitted.picture
        outcome.evidence = [*submitted.evidence, *outcome.evidence]
        if self._is_lost() and self.line.submitting and submitted.submission != "confirmed":
            outcome.submission = "unconfirmed"
            outcome.also.append(FailureType.BROWSER_CRASH)
            raise Failed(FailureType.SUBMISSION_FAILED, LOST)
        outcome.also += submitted.also
        if submitted.submission == "confirmed":
            outcome.ok, outcome.message = True, submitted.message
            return
        kind = submitted.failure or FailureType.SUBMISSION_FAILED
        if kind is FailureType.SUBMISSION_FAILED:
            for one in self.recording.answers[answered:] if self.line.submitting else []:
                if one.status >= 400 and one.url == self._page.url:
                    walls.check(self._page, one.status, one.headers)
        wait = self.recording.longest_wait() if kind is FailureType.RATE_LIMITED else None
        message = submitted.message or "The site did not confirm it"
        raise Failed(kind, message, retry_after=wait)

    def _was_heard(self, submitted: Submitted) -> bool:
        """The proxy heard something leave after the click that the page did not show: in the clear, or in a tunnel while all was quiet."""
        if not self.line.submitting:
            return False
        said, tunnelled = self.browser.proxy.said
        return said > self.heard[0] or (submitted.quiet and tunnelled - self.heard[1] > A_REQUEST)

    def _is_lost(self) -> bool:
        return self.recording.crashed or not self.browser.is_alive() or self.page is None or self.page.is_closed()

    def _failed(self, failed: Failed) -> None:
        outcome = self.outcome
        outcome.ok, outcome.failure, outcome.message = False, failed.kind, failed.message
        outcome.evidence = [*failed.evidence, *outcome.evidence]
        outcome.retry_after, outcome.mailto = failed.retry_after, failed.mailto
        if outcome.submission is None and self.line.submitting:
            outcome.submission = "unconfirmed"

    def _broke(self, error: BrowserError) -> None:
        """The browser's own word: it died, it waited in vain, or the page was replaced under the hand."""
        self.outcome.trace = "".join(traceback.format_exception(error))[-8000:]
        word = error.message.splitlines()[0][:300] if error.message else "no reason given"
        if self.late:
            failed = Failed(FailureType.PAGE_TIMEOUT, f"Not done within {self.limits.attempt:g} s")
        elif self._is_lost():
            failed = Failed(FailureType.BROWSER_CRASH, f"The browser ended in the middle: {word}")
        elif isinstance(error, BrowserTimeout):
            failed = Failed(FailureType.PAGE_TIMEOUT, f"The page stopped answering: {word}")
        else:
            failed = Failed(FailureType.JAVASCRIPT_ERROR, f"The page changed under the hand: {word}")
        if self.line.submitting and self.outcome.submission is None:
            self.outcome.also.append(failed.kind)
            failed = Failed(
                FailureType.SUBMISSION_FAILED, LOST,
                evidence=(f"{failed.kind}: {failed.message}",),
            )  # fmt: skip
        self._failed(failed)

    def _fault(self, error: BaseException) -> None:
        self.outcome.trace = "".join(traceback.format_exception(error))[-8000:]
        said = f"{type(error).__name__}: {error}"[:300]
        kind = FailureType.SUBMISSION_FAILED if self.line.submitting else FailureType.BROWSER_CRASH
        self._failed(Failed(kind, f"A fault of ours ended it: {said}"))

    def _conclude(self) -> None:
        """Evidence of how it ended. The observer is not asked any more."""
        outcome, page = self.outcome, self.page
        outcome.browser, outcome.user_agent = self.browser.version, self.browser.agent
        if page is not None and not self._is_lost():
            outcome.final_url = page.url
            if outcome.failure is not FailureType.PAGE_TIMEOUT or answers(page):
                self._keep_proof(page)
        if self.visit and self.visit.opened:
            outcome.page_load_ms = self.visit.opened[-1].load_ms
        for problem in self.browser.proxy.problems[:20]:
            self.recording.note("proxy", f"{problem.reason}: {problem.host}:{problem.port}: {problem.text}")
        if self.recording.script_errors and outcome.failure is not FailureType.JAVASCRIPT_ERROR:
            outcome.evidence.append(f"script errors: {len(self.recording.script_errors)}")
        told = {
            outcome.failure,
            FailureType.SUBMISSION_FAILED if outcome.submission else None,
        }  # the state says it better
        outcome.also = sorted({one for one in outcome.also if one not in told}, key=ORDER.__getitem__)
        outcome.logs = self.recording.logs

    def _keep_proof(self, page: Page) -> None:
        outcome, shot = self.outcome, self.shot
        if shot is None and not (self.dry_run and outcome.ok):
            shot = evidence.picture(page, self.recording)
        if outcome.submission not in (None, "not_sent"):
            outcome.screenshot_after = shot
        elif outcome.failure:
            outcome.screenshot_error = shot
        frame = self.form.frame if self.form else 0
        outcome.page_source = evidence.source(page, self.recording, frame, sure=shot is not None)


@dataclass(frozen=True)
class _Plan:
    """`saved` the mapping to go by, `changed` what is new since it was saved."""

    form: FormSeen
    mapped: dict[str, Mapped]
    saved: SavedMapping | None = None
    changed: str = ""


def _carried(known: SavedMapping, form: FormSeen, fit: saved.Fit) -> SavedMapping:
    """The saved mapping with its renamed fields under their new names, so that what a person fixed is found there."""
    fields = dict(known.fields)
    for control in form.controls:
        said = fit.mapped.get(control.uid)
        if said and said.source == "saved":
            fields.setdefault(control.key, {"kind": said.kind.value, **fit.fixed.get(control.uid, {})})
    return replace(known, fields=fields)


def _kinds(mapped: Mapping[str, Mapped]) -> dict[str, Kind]:
    return {uid: one.kind for uid, one in mapped.items()}
