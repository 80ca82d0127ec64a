"""One press of the form's own button, and what came of it: everything is noted before, everything is watched after."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from playwright.sync_api import ElementHandle, Error, JSHandle, Page

from webapp.automation.engine import captchas, consents, read
from webapp.automation.engine.buttons import choose_button, words_on
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.fill import TICKS, hands_of, read_all_back, set_ticked
from webapp.automation.engine.hands import Hands, frame_of
from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.outcome import Enquiry, Limits, Observer, Submission
from webapp.automation.engine.recorder import Recorder
from webapp.automation.engine.seen import Control, FormSeen
from webapp.automation.engine.snapshot import Snapshot, take_snapshot, values_of
from webapp.automation.engine.verdict import Verdict, judge

LOOK = 150  # milliseconds that one wait for a change takes at most
_AWAKE = "el => !el.matches(':disabled') && el.getAttribute('aria-disabled') !== 'true'"
_CHANGE = """ms => new Promise(resolve => {
  const watch = new MutationObserver(() => { watch.disconnect(); setTimeout(() => resolve(true), 30); });
  watch.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
  setTimeout(() => { watch.disconnect(); resolve(false); }, ms);
})"""
# Whether a press has reached the element or, of one in a closed root, its host: asked before handlers of the page can stop it.
_HEAR = """el => {
  const seen = {reached: 0}, parts = [el];
  for (let root = el.getRootNode(); root instanceof ShadowRoot; root = root.host.getRootNode()) parts.push(root.host);
  const note = event => { if (event.composedPath().some(one => parts.includes(one))) seen.reached += 1; };
  for (const kind of ["pointerdown", "mousedown", "keydown", "click"]) el.ownerDocument.defaultView.addEventListener(kind, note, true);
  return seen;
}"""
_DRAWN = """() => new Promise(done => {
  setTimeout(done, 500);
  requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)));
})"""
_WRONG = """form => [...(form.elements || form.querySelectorAll('input,select,textarea'))]
  .filter(el => el.willValidate && !el.validity.valid)
  .map(el => ((el.labels && el.labels[0] || {}).textContent || el.name || '').trim().slice(0, 80) + ': ' + el.validationMessage)"""


@dataclass(slots=True)
class Submitted:
    """What became of the press. `message` in the site's own words where it spoke; `evidence` strongest first; `failure` None when
    confirmed; `captcha_kind` names the captcha that came up; `moved_on` when the press led to a further step and sent nothing final;
    `quiet` when no request of any sort was seen after it.
    """

    submission: Submission
    message: str = ""
    evidence: list[str] = field(default_factory=list)
    failure: FailureType | None = None
    also: list[FailureType] = field(default_factory=list)
    captcha_kind: str = ""
    moved_on: bool = False
    quiet: bool = False


def submit(page: Page, form: FormSeen, enquiry: Enquiry, *, observer: Observer, limits: Limits) -> Submitted:
    """Send a filled form by its own button, once. Raises Failed(FIELD_DISABLED) or (FIELD_NOT_FOUND) while nothing has left."""
    lost = read_all_back(page, form, enquiry, limits)
    if lost:
        raise Failed(FailureType.FIELD_DISABLED, "The form does not keep what is put in: " + ", ".join(lost))
    form = read.find_again(read.read_forms(page), form) or form
    chosen = choose_button(form)
    if chosen is None:
        raise Failed(FailureType.FIELD_NOT_FOUND, "The form has no button that sends it.")
    unlock(hands_of(page, form, enquiry, limits), form, chosen[0])
    return press(page, form, chosen[0], enquiry, observer=observer, limits=limits)


def unlock(hands: Hands, form: FormSeen, button: Control) -> None:
    """Wait for a locked button; tick the consents that may hold it and that the enquiry gives. Raises Failed(FIELD_DISABLED)."""
    if _awake(hands, button, patient=True):
        return
    for uid, mapped in map_fields(form).items():
        control = next(one for one in form.controls if one.uid == uid)
        if mapped.kind not in TICKS or not (control.visible or control.proxied):
            continue
        if consents.refused(mapped.kind, control, hands.enquiry.consents) or hands.state(control)["checked"]:
            continue
        if set_ticked(hands, control, True) and _awake(hands, button, patient=True):
            return
    element = read.locate_form(hands.page, form)
    wrong: list[str] = element.evaluate(_WRONG) if element else []
    raise Failed(
        FailureType.FIELD_DISABLED,
        f'The button "{words_on(button)}" stays locked'
        + (f": the form finds wrong {wrong[0]}" if wrong else ", and the form does not say why")
        + ".",
        evidence=tuple(wrong[1:]),
    )


def _awake(hands: Hands, button: Control, *, patient: bool) -> bool:
    element = hands.find(button)
    if patient and not element.evaluate(_AWAKE):
        with suppress(Error):
            frame_of(element).wait_for_function(_AWAKE, arg=element, timeout=hands.patience, polling=50)
    return bool(hands.find(button).evaluate(_AWAKE))


def press(
    page: Page,
    form: FormSeen,
    button: Control,
    enquiry: Enquiry,
    *,
    observer: Observer,
    limits: Limits,
    moved_on: Callable[[], bool] | None = None,
) -> Submitted:
    """Press `button` once and watch until the outcome stands or the time is over. `moved_on` asks whether a further step has come."""
    hands = hands_of(page, form, enquiry, limits)
    element, whole = hands.find(button), read.locate_form(page, form)
    idle = _idle_captchas(page, form)
    ours = values_of(enquiry, [text for _, _, text in hands.kept.values()])
    free = _is_free(hands, element)
    before = take_snapshot(page, (), ours, whole)
    recorder = Recorder(page, enquiry, element.owner_frame()).start()
    watch = _Watch(page, recorder, before, ours, whole, _wanted(form, recorder))
    try:
        observer.about_to_submit()
        try:
            _press_once(page, element, free=free)
        except Error:  # what came of it is seen below; that nothing came of it cannot be seen
            recorder.unsure = True
        verdict = watch.until_settled(limits.confirm, moved_on)
        if verdict is None:
            return Submitted("not_sent", moved_on=True)
        if verdict.submission == "not_sent":
            verdict = watch.sealed()
        done = _with_captchas(page, form, recorder, verdict, idle)
        done.quiet = not recorder.chains and not recorder.others
        return done
    finally:
        recorder.stop()


def _is_free(hands: Hands, element: ElementHandle) -> bool:
    """In view, at rest, and with nothing lying over it; drawn there, since the browser aims at what it has drawn and not at what is so."""
    hands.bring(element)
    try:
        element.click(trial=True, timeout=1500)
        for _ in range(2):  # a frame is drawn by another process, after the page
            hands.page.evaluate(_DRAWN)
            element.evaluate(_DRAWN)
    except Error:
        return False
    return True


def _press_once(page: Page, element: ElementHandle, *, free: bool) -> None:
    """By mouse; under a cover by key, so that nothing else is pressed. The element itself says whether it was reached: only a press
    that it has not heard, as when the browser aims at an old picture of a foreign frame, is followed by another way."""
    heard = element.evaluate_handle(_HEAR)
    if free:
        element.click(timeout=1500, no_wait_after=True)
        if _was_heard(heard):
            return
    if element.evaluate("el => { el.focus(); return el.getRootNode().activeElement === el; }"):
        element.press("Enter", no_wait_after=True, timeout=1500)
        if free is False or _was_heard(heard):
            return
    element.evaluate("el => el.click()")


def _was_heard(heard: JSHandle) -> bool:
    """In doubt yes: its page may be on its way elsewhere because of it."""
    try:
        return bool(heard.evaluate("seen => seen.reached > 0"))
    except Error:
        return True


def _wanted(form: FormSeen, recorder: Recorder) -> int:
    """How many of our values a request must carry to be the form: two, or one where it holds no more."""
    held = " ".join(one.value for one in form.controls)
    return max(1, min(2, recorder.count(held)))


def _idle_captchas(page: Page, form: FormSeen) -> list[str]:
    with suppress(Error):
        return sorted({one.name for one in captchas.find_captchas(page, form) if not one.active})
    return []


def _with_captchas(page: Page, form: FormSeen, recorder: Recorder, verdict: Verdict, idle: list[str]) -> Submitted:
    done = Submitted(verdict.submission, verdict.message, verdict.evidence, verdict.failure, list(verdict.also))
    if recorder.crashed or page.is_closed():  # what left in its last moment, nobody saw
        if done.submission == "not_sent" or recorder.crashed:
            done.submission, done.message = "unconfirmed", "The window went away after the click."
        done.failure = FailureType.BROWSER_CRASH if recorder.crashed else done.failure
        return done
    for window in (page, *recorder.windows):
        if window.is_closed():
            continue
        words = "" if verdict.submission == "confirmed" else verdict.message
        found = captchas.after_submit(window, form if window is page else None, idle=idle, words=words)
        if found is None:
            continue
        if verdict.submission == "confirmed":
            done.submission, done.message = "unconfirmed", f"The site thanks and asks for a person: {found.message}"
        elif verdict.submission != "not_sent":
            done.submission = "rejected"
        if done.failure not in (None, FailureType.CAPTCHA_DETECTED):
            done.also.append(done.failure)
        done.failure = FailureType.CAPTCHA_DETECTED
        done.message = done.message or found.message
        done.evidence = [*found.evidence, *done.evidence]
        done.captcha_kind = next((e.removeprefix("captcha: ") for e in found.evidence if e.startswith("captcha: ")), "")
        break
    return done


@dataclass
class _Watch:
    page: Page
    recorder: Recorder
    before: Snapshot
    ours: list[str]
    form: ElementHandle | None
    wanted: int

    def until_settled(self, seconds: float, moved_on: Callable[[], bool] | None) -> Verdict | None:
        """The verdict that stands: nothing has changed for as long as it asks, or the time is over. None when a further step came."""
        deadline = time.monotonic() + seconds
        last: Snapshot | None = None
        changed, asked = time.monotonic(), False
        verdict = self.judged(self.before)
        while True:
            now = self.look()
            if now != last:
                last, changed, asked = now, time.monotonic(), False
            if moved_on is not None and not asked and not self.recorder.is_busy():
                asked = True
                if moved_on():
                    return None
            verdict = self.judged(now)
            quiet = time.monotonic() - max(changed, self.recorder.changed_at)
            if (quiet >= verdict.quiet and not self.recorder.is_busy()) or self._is_over():
                return verdict
            left = deadline - time.monotonic()
            if left <= 0:
                return verdict
            self._wait(min(LOOK, left * 1000, max(20.0, (verdict.quiet - quiet) * 1000)))

    def look(self) -> Snapshot:
        return take_snapshot(self.page, self.recorder.windows, self.ours, self.form)

    def judged(self, now: Snapshot) -> Verdict:
        return judge(self.before, now, self.recorder.recorded(self.wanted))

    def sealed(self) -> Verdict:
        """From here on nothing can leave: a form that is to be tried again must not be sent by a late script."""
        with suppress(Error):
            self.page.route("**/*", lambda route: route.abort())
        return self.judged(self.look())

    def _is_over(self) -> bool:
        return self.recorder.crashed or self.page.is_closed()

    def _wait(self, ms: float) -> None:
        """Until something changes on the page, at most so long."""
        try:
            self.page.evaluate(_CHANGE, ms)
        except Error:
            if not self.page.is_closed():  # the page is being replaced
                with suppress(Error):
                    self.page.wait_for_load_state("domcontentloaded", timeout=max(1.0, ms))
