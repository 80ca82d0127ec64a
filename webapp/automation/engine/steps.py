"""Forms of several pages: each page filled, its next button pressed, at most ten; no other button is ever touched."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from playwright.sync_api import Error, Page

from webapp.automation.engine import read
from webapp.automation.engine.buttons import choose_button, words_on
from webapp.automation.engine.choose import choose_form
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.fill import fill_form, hands_of
from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.outcome import Enquiry, Field, Limits, Observer, SavedMapping, Strategy, check
from webapp.automation.engine.phrases import complains, refuses
from webapp.automation.engine.seen import Control, FormSeen, Kind
from webapp.automation.engine.snapshot import Snapshot, take_snapshot
from webapp.automation.engine.submit import Submitted, press, unlock

MOST = 10
PASSES = 3  # a form that shows further fields after an entry is read again


@dataclass(slots=True)
class Walked:
    """The last page of the form, filled, and all fields. `submitted` is set when the walk has ended the attempt: a page did not let on, or
    its next button was the one that sent.
    """

    form: FormSeen
    fields: list[Field] = field(default_factory=list)
    pages: int = 1
    submitted: Submitted | None = None


def strategy_of(walked: Walked, *, saved: bool) -> Strategy:
    if saved:
        return "saved_mapping"
    if walked.pages > 1:
        return "multi_step_form"
    return "iframe_form" if walked.form.frame else "standard_form"


def walk(
    page: Page,
    form: FormSeen,
    kinds: Mapping[str, Kind],
    enquiry: Enquiry,
    *,
    observer: Observer,
    limits: Limits,
    saved: SavedMapping | None = None,
    dry_run: bool = False,
) -> Walked:
    """Fill the form page by page until the one with its sending button. Raises Failed as `fill_form` does, or FIELD_NOT_FOUND without a button.

    A next button that is of type submit may send the form: `observer.about_to_submit` is told before, and a dry run stops there.
    """
    walked = Walked(form)
    sure = {one.uid: kinds[one.uid] for one in form.controls if one.uid in kinds and (one.visible or one.proxied)}
    while True:
        walked.form = _fill_page(page, walked, sure, enquiry, saved, limits, observer)
        chosen = choose_button(walked.form)
        if chosen is None:
            raise Failed(FailureType.FIELD_NOT_FOUND, "The form has no button that sends it.")
        button, role = chosen
        if role != "next":
            return walked
        if walked.pages >= MOST:
            walked.submitted = _stuck(f"The form has more than {MOST} pages.", [])
            return walked
        may_send = button.type in ("submit", "image")
        if may_send and dry_run:
            return walked
        unlock(hands_of(page, walked.form, enquiry, limits), walked.form, button)
        walked.submitted = (
            _press_sending(page, walked.form, button, enquiry, observer, limits)
            if may_send
            else _press_next(page, walked.form, button, enquiry, limits, observer)
        )
        if walked.submitted is not None:
            return walked
        walked.form = _now(page, walked.form, enquiry) or walked.form
        walked.pages += 1


def _fill_page(
    page: Page, walked: Walked, sure: dict[str, Kind], enquiry: Enquiry, saved: SavedMapping | None, limits: Limits,
    observer: Observer,
) -> FormSeen:  # fmt: skip
    """The page in sight, filled, with what came into sight by filling it."""
    form = walked.form
    done: set[str] = set()
    for _ in range(PASSES):
        kinds = {uid: one.kind for uid, one in map_fields(form).items()} | sure
        fields = fill_form(
            page, form, kinds, enquiry, saved=saved, limits=limits, done=done, pause=lambda: check(observer)
        )
        known = {one.key: number for number, one in enumerate(walked.fields)}
        for one in fields:
            if one.key in known:
                if one.filled or not walked.fields[known[one.key]].filled:
                    walked.fields[known[one.key]] = one
            else:
                walked.fields.append(one)
        seen = {one.uid for one in form.controls if one.visible or one.proxied}
        done |= seen
        form = read.find_again(read.read_forms(page), form) or form
        if not [one for one in _fillable(form) if one.uid not in done]:
            break
    return form


def _fillable(form: FormSeen) -> list[Control]:
    return [one for one in form.controls if one.tag != "button" and (one.visible or one.proxied)]


def _signature(form: FormSeen | None, url: str) -> tuple[object, ...]:
    """What makes one page of a form differ from the next; what is typed does not."""
    if form is None:
        return ()
    buttons = [words_on(one) for one in form.controls if one.tag == "button" and one.visible]
    return tuple(one.key for one in _fillable(form)), tuple(buttons), url.partition("#")[0]


def _now(page: Page, form: FormSeen, enquiry: Enquiry) -> FormSeen | None:
    """The form as it stands after a press: itself, else the one that carries on with what we said."""
    try:
        forms = read.read_forms(page)
    except Error:
        return None
    again = read.find_again(forms, form)
    if again is not None and (choose_button(again) or _fillable(again)):
        return again
    carrying = [
        one
        for one in forms
        if any(enquiry.email in control.value for control in one.controls if control.value) and choose_button(one)
    ]
    if carrying:
        return carrying[0]
    with suppress(Failed):
        return choose_form(forms, page_url=page.url).form
    return None


def _press_sending(
    page: Page, form: FormSeen, button: Control, enquiry: Enquiry, observer: Observer, limits: Limits
) -> Submitted | None:
    before = _signature(form, page.url)

    def moved_on() -> bool:
        now = _now(page, form, enquiry)
        return now is not None and choose_button(now) is not None and _signature(now, page.url) != before

    done = press(page, form, button, enquiry, observer=observer, limits=limits, moved_on=moved_on)
    return None if done.moved_on else done


def _press_next(
    page: Page, form: FormSeen, button: Control, enquiry: Enquiry, limits: Limits, observer: Observer
) -> Submitted | None:
    """Press a button that cannot send; None when the next page has come, else what the page says against it."""
    hands = hands_of(page, form, enquiry, limits)
    before, url = _signature(form, page.url), page.url
    shown = take_snapshot(page, (), [], None)
    hands.on(button, hands.press)
    deadline = time.monotonic() + limits.step
    while True:
        check(observer)
        after = take_snapshot(
            page, (), [], None
        )  # before the form: what the next page says is no complaint about this one
        now = _now(page, form, enquiry)
        if now is not None and _signature(now, page.url) != before:
            return None
        said = _complaints(shown, after)
        if said:
            return _stuck(" ".join(said)[:400], said)
        left = deadline - time.monotonic()
        if left <= 0:
            return _stuck(f'The page did not go on after "{words_on(button)}".', [f"still at {url}"])
        with suppress(Error):
            page.wait_for_function(
                "before => document.body && document.body.innerText !== before",
                arg=page.evaluate("() => document.body ? document.body.innerText : ''"),
                timeout=min(200, left * 1000),
                polling=30,
            )


def _complaints(before: Snapshot, after: Snapshot) -> list[str]:
    known = before.shown()
    return list(
        dict.fromkeys(
            line.text
            for view in after.views
            for line in view.lines
            if line.seen
            and line.text not in known
            and (line.tone == "error" or complains(line.text) or refuses(line.text))
        )
    )


def _stuck(message: str, said: list[str]) -> Submitted:
    return Submitted(
        "not_sent", message, [*(f"against: {text}" for text in said), "nothing was sent"], FailureType.SUBMISSION_FAILED
    )
