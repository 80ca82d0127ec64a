"""One press of the form's own button, and what came of it: everything is noted before, everything is watched after."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from playwright.sync_api import ElementHandle, Error, Frame, JSHandle, Page
from playwright.sync_api import TimeoutError as Timeout

from webapp.automation.engine import banners, captchas, consents, read
from webapp.automation.engine.buttons import choose_button, words_on
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.fill import TICKS, hands_of, read_all_back, set_ticked
from webapp.automation.engine.hands import GONE, Hands, frame_of
from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.outcome import Enquiry, Limits, Observer, Submission
from webapp.automation.engine.recorder import Recorder
from webapp.automation.engine.seen import Control, FormSeen
from webapp.automation.engine.snapshot import Snapshot, take_snapshot, values_of
from webapp.automation.engine.verdict import Verdict, judge

Photograph = Callable[[], bytes | None]
PICTURES = 3  # of a page that never comes to rest
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
_INTO_VIEW = """el => {
  el.scrollIntoViewIfNeeded();
  const box = el.getBoundingClientRect(), hit = el.getRootNode().elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return !!hit && !el.contains(hit) && !hit.contains(el);
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
    `quiet` when no request of any sort was seen after it; `picture` is of the page as it stood then, where one was taken.
    """

    submission: Submission
    message: str = ""
    evidence: list[str] = field(default_factory=list)
    failure: FailureType | None = None
    also: list[FailureType] = field(default_factory=list)
    captcha_kind: str = ""
    moved_on: bool = False
    quiet: bool = False
    picture: bytes | None = None


def submit(
    page: Page, form: FormSeen, enquiry: Enquiry, *, observer: Observer, limits: Limits, photograph: Photograph = lambda: None
) -> Submitted:  # fmt: skip
    """Send a filled form by its own button, once. Raises Failed(FIELD_DISABLED) or (FIELD_NOT_FOUND) while nothing has left."""
    form = read.find_again(read.read_forms(page), form) or form
    again, lost = read_all_back(page, form, enquiry, limits)
    if lost:
        raise Failed(FailureType.FIELD_DISABLED, "The form does not keep what is put in: " + ", ".join(lost))
    if again:
        form = read.find_again(read.read_forms(page), form) or form
    chosen = choose_button(form)
    if chosen is None:
        raise Failed(FailureType.FIELD_NOT_FOUND, "The form has no button that sends it.")
    unlock(hands_of(page, form, enquiry, limits), form, chosen[0])
    return press(page, form, chosen[0], enquiry, observer=observer, limits=limits, photograph=photograph)


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
    if read.ask(hands.page, button, _AWAKE):
        return True
    if patient:
        element = hands.find(button)
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
    photograph: Photograph = lambda: None,
) -> Submitted:
    """Press `button` once and watch until the outcome stands or the time is over. `moved_on` asks whether a further step has come;
    `photograph` is called when the outcome seems to stand, and its picture kept when it does.

    Raises Failed(CAPTCHA_DETECTED) for one that asks for a person, before anything is pressed.
    """
    hands = hands_of(page, form, enquiry, limits)
    idle = captchas.check(page, form)
    element, whole = hands.find(button), read.locate_form(page, form)
    ours = values_of(enquiry, [text for _, _, text in hands.kept.values()])
    pressed: list[str] = []
    home = read.frame_of(page, form, element)
    if _bring(page, element, home):
        pressed = banners.dismiss(page)
        _bring(page, element, home)
    before = take_snapshot(page, (), ours, whole, home)
    recorder = Recorder(page, enquiry, home).start()
    watch = _Watch(page, recorder, before, ours, whole, _wanted(form, recorder), photograph)
    try:
        observer.about_to_submit()
        try:
            _press_once(element, lambda: hands.find(button), lambda: any(one.ours for one in recorder.chains))
        except Error:  # what came of it is seen below; that nothing came of it cannot be seen
            recorder.unsure = True
        verdict = watch.until_settled(limits.confirm, moved_on)
        if verdict is None:
            return Submitted("not_sent", moved_on=True)
        if verdict.submission == "not_sent":
            verdict = watch.sealed()
        done = _with_captchas(page, form, recorder, verdict, idle)
        done.quiet = not recorder.chains and not recorder.others
        done.picture = watch.picture
        done.evidence += pressed
        return done
    finally:
        recorder.stop()


def _bring(page: Page, element: ElementHandle, home: Frame | None) -> bool:
    """Into view, as the press would do it itself, so that what comes of that is seen before; whether something lies over it. In a frame
    also drawn there, by its process after the page's: of a frame the browser aims at what it has drawn.
    """
    covered = False
    with suppress(Error):
        covered = bool(element.evaluate(_INTO_VIEW))
        if home is not None and home.parent_frame is not None:
            for _ in range(2):
                page.evaluate(_DRAWN)
                element.evaluate(_DRAWN)
    return covered


def _press_once(
    element: ElementHandle, find: Callable[[], ElementHandle], has_left: Callable[[], bool] = lambda: False
) -> None:
    """By mouse; under a cover, which the browser sees before it presses, by key, so that nothing else is pressed. The element itself says
    whether it was reached: only a press that it has not heard, as when the browser aims at an old picture of a frame, is followed
    by another way, and none once `has_left` says that the form is on its way. `find` gives its successor where it went before it was
    pressed.
    """
    heard = element.evaluate_handle(_HEAR)
    covered = False
    try:
        element.click(timeout=1500, no_wait_after=True)
    except Timeout:
        covered = True
    except Error as error:
        if not GONE.search(error.message) or _was_heard(heard):
            raise
        element = find()
        heard = element.evaluate_handle(_HEAR)
        element.click(timeout=1500, no_wait_after=True)
    if _was_heard(heard) or has_left():
        return
    if element.evaluate("el => { el.focus(); return el.getRootNode().activeElement === el; }"):
        element.press("Enter", no_wait_after=True, timeout=1500)
        if covered or _was_heard(heard) or has_left():
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
    photograph: Photograph = lambda: None
    picture: bytes | None = None  # of the page as it was last looked at
    taken: int = 0

    def until_settled(self, seconds: float, moved_on: Callable[[], bool] | None) -> Verdict | None:
        """The verdict that stands: nothing has changed for as long as it asks, or the time is over. None when a further step came."""
        deadline = time.monotonic() + seconds
        last: Snapshot | None = None
        changed, asked = time.monotonic(), False
        while True:
            left = deadline - time.monotonic()
            under_way = self.recorder.is_busy() and not self._is_over()
            if under_way and left > 0:  # there is nothing to judge yet
                self._wait(min(LOOK, left * 1000))
                continue
            now = self.look()
            if now != last:
                last, changed, asked = now, time.monotonic(), False
                self.picture = None
            if moved_on is not None and not asked and not self.recorder.is_busy():
                asked = True
                if moved_on():
                    return None
            verdict = self.judged(now)
            if verdict.quiet < math.inf and self._pictured():  # that nothing moves is waited for meanwhile
                continue
            quiet = time.monotonic() - max(changed, self.recorder.changed_at)
            if (quiet >= verdict.quiet and not self.recorder.is_busy()) or self._is_over():
                return verdict
            left = deadline - time.monotonic()
            if left <= 0:
                return verdict
            self._wait(min(LOOK, left * 1000, max(20.0, (verdict.quiet - quiet) * 1000)))

    def _pictured(self) -> bool:
        """Whether a picture has just been taken."""
        if self.picture is not None or self.taken == PICTURES or self.recorder.is_busy() or self._is_over():
            return False
        self.taken += 1
        self.picture = self.photograph()
        return self.picture is not None

    def look(self) -> Snapshot:
        return take_snapshot(self.page, self.recorder.windows, self.ours, self.form, self.recorder.form_frame)

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
        """Until what is under way has come, or else something changes on the page; at most so long."""
        if self.recorder.is_busy():
            with suppress(Error):
                self.page.context.wait_for_event("requestfinished", timeout=ms)
            return
        try:
            self.page.evaluate(_CHANGE, ms)
        except Error:
            if not self.page.is_closed():  # the page is being replaced
                with suppress(Error):
                    self.page.wait_for_load_state("domcontentloaded", timeout=max(1.0, ms))
