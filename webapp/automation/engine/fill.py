"""Filling a form as a person would: each wanted control brought into view, typed into or chosen from, left, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import Error, Page

from webapp.automation.engine import consents
from webapp.automation.engine.failures import Failed, FailureType, first_of
from webapp.automation.engine.hands import Hands, label_of, option_label, put_in, same, type_over
from webapp.automation.engine.options import choose_option, tight
from webapp.automation.engine.outcome import Enquiry, Field, Limits, SavedMapping
from webapp.automation.engine.picking import Chooser, options_of, pick_drawn, pick_native, shows, type_ahead
from webapp.automation.engine.seen import LEFT_ALONE, Control, FormSeen, Kind, Option
from webapp.automation.engine.values import shape, value_for

TICKS = {Kind.CONSENT, Kind.SMS_CONSENT, Kind.MARKETING}
CHOICES = {"checkbox", "radio", "switch"}
TEXTS = {"input", "textarea"}
AT_ONCE = {"date", "time", "month", "week", "datetime-local"}
NEVER = {Kind.HONEYPOT, Kind.HIDDEN, Kind.FILE, Kind.CAPTCHA, Kind.PASSWORD, Kind.SUBMIT}
Problem = tuple[FailureType, str]
_hands: WeakKeyDictionary[Page, Hands] = WeakKeyDictionary()


class Unfillable(Failed):
    """A form that cannot be filled; `fields` are its controls as far as it got."""

    def __init__(self, kind: FailureType, message: str, evidence: tuple[str, ...], fields: list[Field]):
        super().__init__(kind, message, evidence=evidence)
        self.fields = fields


def fill_form(
    page: Page,
    form: FormSeen,
    kinds: Mapping[str, Kind],
    enquiry: Enquiry,
    *,
    saved: SavedMapping | None = None,
    limits: Limits,
    done: Iterable[str] = (),
    pause: Callable[[], None] = lambda: None,
) -> list[Field]:
    """Fill every wanted control in sight; `kinds` by uid, `done` the uids that an earlier pass has dealt with. `pause` is called between
    fields and may raise.

    All that can be filled is filled, then Unfillable names the first of what is demanded and cannot be: FIELD_NOT_FOUND,
    DROPDOWN_OPTION_MISSING, FIELD_DISABLED. Traps, hidden, file and captcha controls are never touched.
    """
    filling = _Filling(hands_of(page, form, enquiry, limits), kinds, saved)
    skip = set(done)
    for group in _groups(form):
        if group[0].uid not in skip:
            pause()
            filling.fill(group)
    filling.finish()
    return filling.fields


def hands_of(page: Page, form: FormSeen, enquiry: Enquiry, limits: Limits) -> Hands:
    """The page's hands, which remember what they put where; they are new for another enquiry."""
    known = _hands.get(page)
    if known is None or known.enquiry != enquiry:
        known = _hands[page] = Hands(page, form, enquiry, limits)
    known.form, known.limits = form, limits
    return known


def read_all_back(page: Page, form: FormSeen, enquiry: Enquiry, limits: Limits) -> tuple[list[str], list[str]]:
    """Compare every text put into this form, as just read, with what it holds, and put it in again once where it went: the labels of those
    that were put in again, and of those that keep nothing.
    """
    hands = hands_of(page, form, enquiry, limits)
    again: list[str] = []
    lost: list[str] = []
    here = {one.uid: one for one in form.controls if one.visible or one.proxied}
    for uid, (control, kind, text) in list(hands.kept.items()):
        if (
            uid not in here
            or (here[uid].tag in TEXTS and same(kind, here[uid].value, text))
            or hands.read_back(control, kind, text)
        ):
            continue
        again.append(label_of(control))
        hands.on(control, lambda el, text=text: put_in(el, text))  # type: ignore[misc]
        if not hands.read_back(control, kind, text):
            lost.append(label_of(control))
    return again, lost


def kinds_with(form: FormSeen, kinds: Mapping[str, Kind], saved: SavedMapping | None) -> dict[str, Kind]:
    """The engine's kinds, a person's where they edited the mapping."""
    found = dict(kinds)
    if saved is not None and saved.edited:
        for control in form.controls:
            named = saved.fields.get(control.key, {}).get("kind", "")
            if named in Kind._value2member_map_ and found.get(control.uid) is not Kind.CAPTCHA:
                found[control.uid] = Kind(named)
    return found


def _groups(form: FormSeen) -> list[list[Control]]:
    """Radios and boxes of one name together, everything else alone, in the form's order."""
    groups: dict[str, list[Control]] = {}
    for control in form.controls:
        shared = control.type in CHOICES and control.name
        groups.setdefault(f"{control.type}:{control.name}" if shared else control.uid, []).append(control)
    return list(groups.values())


class _Filling:
    """One pass over a form."""

    def __init__(self, hands: Hands, kinds: Mapping[str, Kind], saved: SavedMapping | None):
        self.hands, self.enquiry, self.saved = hands, hands.enquiry, saved
        self.kinds = kinds_with(hands.form, kinds, saved)
        self.fields: list[Field] = []
        self.problems: list[Problem] = []
        self.parts = set(self.kinds.values())

    def fill(self, group: list[Control]) -> None:
        control = group[0]
        kind = self.kinds.get(control.uid, Kind.UNKNOWN)
        if control.tag == "button" or control.type == "hidden":
            return
        reachable = [one for one in group if one.visible or one.proxied]
        filled = False
        if reachable and kind not in NEVER:
            filled = self._act(kind, reachable)
        required = any(one.required for one in group)
        for one in group:
            self.fields.append(
                Field(
                    one.key,
                    str(self.kinds.get(one.uid, Kind.UNKNOWN)),
                    label_of(one),
                    one.selector,
                    required,
                    filled,
                    one.box,
                )
            )

    def finish(self) -> None:
        if self.problems:
            kind = first_of([kind for kind, _ in self.problems])
            texts = [text for each, text in self.problems if each is kind]
            rest = [text for each, text in self.problems if each is not kind]
            raise Unfillable(kind, texts[0], tuple(texts[1:] + rest), self.fields)

    def _act(self, kind: Kind, group: list[Control]) -> bool:
        control = group[0]
        if control.type == "radio":
            return self._choose_radio(kind, group)
        if control.type in CHOICES:
            if len(group) > 1 and kind not in TICKS:
                return self._choose_radio(kind, group)
            ticked = [self._tick(self.kinds.get(one.uid, kind), one) for one in group]
            return any(ticked)
        fixed = self._fixed(control)
        if kind in LEFT_ALONE and not fixed:
            return self._unknown(kind, control)
        if control.tag == "select" or (control.type in ("combobox", "listbox") and control.tag == "widget"):
            return self._choose(kind, control)
        return self._write(kind, control)

    def _fixed(self, control: Control) -> str:
        said = self.saved.fields.get(control.key, {}) if self.saved else {}
        return said.get("option", "") or said.get("text", "")

    def _chooser(self, kind: Kind, control: Control) -> Chooser:
        wanted = tight(self._fixed(control))
        if not wanted:
            return lambda options: choose_option(kind, options, self.enquiry)
        return lambda options: next((o for o in options if wanted in (tight(o.label), tight(o.value))), None)

    def _problem(self, kind: FailureType, text: str) -> bool:
        self.problems.append((kind, text))
        return False

    def _unknown(self, kind: Kind, control: Control) -> bool:
        """Demanded and not understood: an honest way out of a list, else the end of the attempt."""
        if not control.required:
            return False
        if self.saved and self.saved.edited and control.key in self.saved.fields:
            return False  # a person says that it is left alone
        chooser = self._chooser(kind, control)
        if control.tag == "select":
            if pick_native(self.hands, control, chooser) is not None:
                return True
            known = self._already(control)
        elif control.tag == "widget" and control.type in ("combobox", "listbox"):
            if pick_drawn(self.hands, control, chooser, proxy=not control.visible) is not None:
                return True
            known = False
        else:
            known = bool(self.hands.state(control)["value"])
        if known:
            return False
        return self._problem(
            FailureType.FIELD_NOT_FOUND, f'The required field "{label_of(control)}" is not understood.'
        )

    def _already(self, control: Control) -> bool:
        """The site has made a choice itself."""
        value = self.hands.state(control)["value"]
        return any(one.value == value and value for one in options_of(self.hands, control))

    def _choose(self, kind: Kind, control: Control) -> bool:
        chooser = self._chooser(kind, control)
        proxy = not control.visible
        if control.tag == "select":
            chosen = pick_native(self.hands, control, chooser)
            stuck = chosen is not None
        else:
            chosen = pick_drawn(self.hands, control, chooser, proxy=proxy)
            stuck = chosen is not None and shows(self.hands, control, chosen, proxy=proxy)
        if stuck or not control.required:
            return stuck
        if chosen is None and control.tag == "select" and self._already(control):
            return False
        if self.hands.state(control)["locked"]:
            return self._problem(FailureType.FIELD_DISABLED, f'The required list "{label_of(control)}" stays locked.')
        return self._problem(
            FailureType.DROPDOWN_OPTION_MISSING,
            f'The required list "{label_of(control)}" has no option for this enquiry{self._said(kind)}.',
        )

    def _said(self, kind: Kind) -> str:
        text = value_for(kind, Control("", "", "input", "text"), self.enquiry)
        return f" ({text[:40]})" if text else ""

    def _choose_radio(self, kind: Kind, group: list[Control]) -> bool:
        fixed = self._fixed(group[0])
        if kind in LEFT_ALONE and kind is not Kind.UNKNOWN and not fixed:
            return False
        required = any(one.required for one in group)
        if kind is Kind.UNKNOWN and not fixed and (not required or any(one.checked for one in group)):
            return False
        options = [Option(one.uid, option_label(one), one.disabled) for one in group]
        chosen = self._chooser(kind, group[0])(options)
        heading = group[0].texts.get("heading") or group[0].name
        if chosen is not None and self._check(next(one for one in group if one.uid == chosen.value), True):
            return True
        if not required or any(self.hands.state(one)["checked"] for one in group):
            return False
        if kind is Kind.UNKNOWN:
            return self._problem(FailureType.FIELD_NOT_FOUND, f'The required choice "{heading}" is not understood.')
        return self._problem(
            FailureType.DROPDOWN_OPTION_MISSING, f'The required choice "{heading}" has none for this enquiry.'
        )

    def _tick(self, kind: Kind, control: Control) -> bool:
        """Consents by what is demanded and allowed; pre-ticked marketing is unticked; other boxes stay as they are."""
        if kind is Kind.MARKETING and not control.required:
            if control.checked:
                self._check(control, False)
            return False
        if not control.required or kind in NEVER:
            return False
        if kind not in TICKS:
            if self.hands.state(control)["checked"]:
                return False
            return self._problem(
                FailureType.FIELD_NOT_FOUND, f'The required box "{label_of(control)}" is not understood.'
            )
        why = consents.refused(kind, control, self.enquiry.consents)
        if why:
            return self._problem(FailureType.FIELD_NOT_FOUND, why)
        if self._check(control, True):
            return True
        return self._problem(
            FailureType.FIELD_DISABLED, f'The required box "{label_of(control)}" does not take its tick.'
        )

    def _check(self, control: Control, on: bool) -> bool:
        return set_ticked(self.hands, control, on)

    def _write(self, kind: Kind, control: Control) -> bool:
        fixed = self._fixed(control)
        given = replace(control, max_length=7) if self._takes_seven(kind, control) else control
        text = shape(given, fixed) if fixed else value_for(kind, given, self.enquiry)
        if not text:
            if control.required and not self.hands.state(control)["value"]:
                return self._problem(
                    FailureType.FIELD_NOT_FOUND,
                    f'The required field "{label_of(control)}" asks for what the enquiry does not say.',
                )
            return False
        return self._put(kind, control, text)

    def _takes_seven(self, kind: Kind, control: Control) -> bool:
        return kind is Kind.PHONE_LINE and control.max_length is None and Kind.PHONE_PREFIX not in self.parts

    def _put(self, kind: Kind, control: Control, text: str) -> bool:
        hands = self.hands
        keyed = control.type not in AT_ONCE and control.role != "combobox"
        state = hands.enter(control) if keyed else hands.state(control)
        if same(kind, state["value"], text):
            hands.keep(control, kind, text)
            return True
        if state["locked"] and not hands.wait_awake(control):
            if control.required or kind in (Kind.EMAIL, Kind.MESSAGE):
                if hands.state(control)["value"] and kind not in (Kind.EMAIL, Kind.MESSAGE):
                    return False  # the site knows better, as with the vehicle of its own page
                return self._problem(FailureType.FIELD_DISABLED, f'The field "{label_of(control)}" stays locked.')
            return False
        if self._written(kind, control, text, state if keyed and not state["locked"] else None):
            return True
        if control.required or kind in (Kind.EMAIL, Kind.MESSAGE):
            listed = control.role == "combobox" or control.options
            return self._problem(
                FailureType.DROPDOWN_OPTION_MISSING if listed else FailureType.FIELD_DISABLED,
                f'The field "{label_of(control)}" does not keep what is put in.',
            )
        return False

    def _written(self, kind: Kind, control: Control, text: str, entered: dict[str, Any] | None) -> bool:
        """By keys; by a list that opens under them; at once. Each way is read back before the next is tried. `entered` is the state of
        a control that has been entered already.
        """
        hands = self.hands

        def by_keys() -> str:
            type_over(hands.page, text, kind, filled=(entered or hands.enter(control))["filled"])
            return str(hands.leave(control)["value"])

        def at_once() -> str:
            hands.on(control, lambda el: put_in(el, text))
            return str(hands.state(control)["value"])

        if control.role == "combobox" and type_ahead(hands, control, kind, text, self._chooser(kind, control)):
            hands.keep(control, kind, hands.state(control)["value"])
            return True
        for way in (at_once,) if control.type in AT_ONCE else (by_keys, at_once):
            try:
                value = way()
            except Error:
                continue  # drawn anew under the hand: the next way finds the new one
            if same(kind, value, text):
                hands.keep(control, kind, value)
                return True
        return control.role != "combobox" and type_ahead(hands, control, kind, text, self._chooser(kind, control))


def set_ticked(hands: Hands, control: Control, on: bool) -> bool:
    """Press a box or radio, or its visible label, until it is so; at most twice."""
    for proxy in (not control.visible, control.visible):
        if hands.state(control)["checked"] is on:
            return True
        if proxy and not control.proxied:
            continue
        hands.on(control, hands.press, proxy=proxy)
        if hands.state(control)["checked"] is on:
            return True
    return False
