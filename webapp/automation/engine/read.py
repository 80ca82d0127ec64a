"""The eyes: every form of a page, its frames and shadow roots, as facts; and the way back from a fact to the live element.

A register of elements lives in each frame as a handle that only this module holds, so the page cannot see it; an element keeps its
uid from one reading to the next until its document goes.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import ElementHandle, Error, Frame, JSHandle, Page

from webapp.automation.engine import words
from webapp.automation.engine.asking import packed, unpack
from webapp.automation.engine.seen import Control, FormSeen, Option

DEEPEST = 5
_HERE = Path(__file__).parent
SECRET = secrets.token_hex(16)  # by which our scripts find the roots that only we keep
INIT_SCRIPT = f"({(_HERE / 'roots.js').read_text().strip()})({json.dumps(SECRET)})"
_PARTS = "\n".join((_HERE / name).read_text() for name in ("tree.js", "sight.js", "labels.js", "scan.js"))
_SCAN = packed(f"(kept) => {{ const SECRET = {json.dumps(SECRET)};\n{_PARTS}\nreturn scan(kept); }}")
_LIVE = "(kept, n) => {{ const el = kept.els[n]; return el && el.isConnected ? {} : null; }}"
_FRAME_BOX = """(el) => {
  const r = el.getBoundingClientRect(), s = getComputedStyle(el);
  const seen = el.checkVisibility({visibilityProperty: true, opacityProperty: true}) && r.width > 1 && r.height > 1
    && r.right + scrollX > 0 && r.bottom + scrollY > 0;
  return [r.left + el.clientLeft + parseFloat(s.paddingLeft), r.top + el.clientTop + parseFloat(s.paddingTop), seen];
}"""
_ASKS_A_PERSON = re.compile(
    r"google\.com/recaptcha|recaptcha\.net|hcaptcha\.com|challenges\.cloudflare\.com|captcha-delivery\.com|arkoselabs|funcaptcha"
    r"|doubleclick\.net|googlesyndication|googletagmanager\.com",
    re.I,
)
_numbers = count(1)


@dataclass
class _Register:
    """Which document a uid belongs to: `documents` by the number before its dot, `current` by frame."""

    documents: dict[int, JSHandle] = field(default_factory=dict)
    current: dict[Frame, int] = field(default_factory=dict)


_registers: WeakKeyDictionary[Page, _Register] = WeakKeyDictionary()


def read_forms(page: Page) -> list[FormSeen]:
    """All forms in document order, the page's own first, then frame by frame; captcha and advertising frames are not looked into.

    A frame that goes away meanwhile is left out. Raises playwright's Error when the page itself is gone.
    """
    register = _registers.setdefault(page, _Register())
    found: list[FormSeen] = []
    for number, frame in enumerate(page.frames):
        placed = (0.0, 0.0, True) if frame is page.main_frame else _place(frame)
        if placed is None or (number and _ASKS_A_PERSON.search(frame.url)):
            continue
        try:
            document, seen = _scan(register, frame)
        except Error as error:
            if frame is not page.main_frame:
                continue
            if "context was destroyed" not in error.message:
                raise
            page.wait_for_load_state("domcontentloaded")  # it has just gone on to another document
            document, seen = _scan(register, frame)
        left, top, visible = placed
        if number == 0:
            left, top = seen["scroll"]
        else:
            scroll = _scroll(page)
            left, top = left + scroll[0], top + scroll[1]
        found += [_form(one, document, number, frame.url, (left, top), visible) for one in seen["forms"]]
    return found


def _scan(register: _Register, frame: Frame) -> tuple[int, dict[str, Any]]:
    known = register.current.get(frame)
    if known is not None:
        try:
            return known, unpack(frame.evaluate(_SCAN, register.documents[known]))
        except Error:
            register.documents.pop(register.current.pop(frame), None)
    handle = frame.evaluate_handle("() => ({ids: new WeakMap(), els: []})")
    seen = unpack(frame.evaluate(_SCAN, handle))
    number = next(_numbers)
    register.documents[number], register.current[frame] = handle, number
    return number, seen


def _scroll(page: Page) -> tuple[float, float]:
    x, y = page.evaluate("() => [scrollX, scrollY]")
    return float(x), float(y)


def _place(frame: Frame) -> tuple[float, float, bool] | None:
    """Where a frame's inner corner stands in the page's viewport and whether it can be seen; None past the depth or when it is gone."""
    left, top, visible = 0.0, 0.0, True
    at: Frame | None = frame
    for _ in range(DEEPEST + 1):
        if at is None or at.parent_frame is None:
            return left, top, visible
        try:
            x, y, seen = at.frame_element().evaluate(_FRAME_BOX)
        except Error:
            return None
        left, top, visible = left + x, top + y, visible and seen
        at = at.parent_frame
    return None


def _moved(box: list[float] | None, by: tuple[float, float]) -> tuple[float, float, float, float] | None:
    return (box[0] + by[0], box[1] + by[1], box[2], box[3]) if box else None


def _form(
    one: dict[str, Any], document: int, number: int, url: str, corner: tuple[float, float], visible: bool
) -> FormSeen:
    controls = tuple(
        _control(raw, document, key, corner, visible)
        for raw, key in zip(one["controls"], _keys(one["controls"]), strict=True)
    )
    return FormSeen(
        uid=f"{document}.{one['n']}",
        index=one["index"],
        frame=number,
        controls=controls,
        action=one["action"],
        method=one["method"],
        name=one["name"],
        id=one["id"],
        classes=one["classes"],
        container=one["container"],
        texts={source: text for source, text in one["texts"].items() if text},
        visible=one["visible"] and visible,
        in_shadow=one["inShadow"],
        selector=one["selector"],
        box=_moved(one["box"], corner),
        frame_url=url if number else "",
    )


def _keys(controls: list[dict[str, Any]]) -> list[str]:
    return [raw["name"] or (f"#{raw['id']}" if raw["id"] else f"@{position}") for position, raw in enumerate(controls)]


def _control(raw: dict[str, Any], document: int, key: str, corner: tuple[float, float], visible: bool) -> Control:
    texts = {source: text for source, text in raw["texts"].items() if text}
    return Control(
        uid=f"{document}.{raw['n']}",
        key=key,
        tag=raw["tag"],
        type=raw["type"],
        name=raw["name"],
        id=raw["id"],
        autocomplete=raw["autocomplete"].strip().lower(),
        texts=texts,
        classes=raw["classes"],
        container=raw["container"],
        value=raw["value"],
        checked=raw["checked"],
        required=raw["required"] or (raw["tag"] != "button" and words.says_required(texts)),
        disabled=raw["disabled"],
        readonly=raw["readonly"],
        visible=raw["visible"] and visible,
        proxied=raw["proxied"] and visible,
        why_hidden=raw["why"] or ("" if visible else "frame"),
        max_length=raw["maxLength"],
        pattern=raw["pattern"],
        input_mode=raw["inputMode"],
        tab_index=raw["tabIndex"],
        options=tuple(Option(value, label, bool(off)) for value, label, off in raw["options"]),
        selector=raw["selector"],
        box=_moved(raw["box"], corner),
        role=raw["role"],
        proxy=f"{document}.{raw['proxy']}" if raw["proxy"] is not None else "",
        labelled=raw["labelled"],
        wrapper=raw["wrapper"],
    )


def _kept(page: Page, uid: str) -> tuple[JSHandle, int] | None:
    """The register of a uid's document and the number in it; None when the document went."""
    document, _, number = uid.partition(".")
    handle = _registers.get(page, _Register()).documents.get(int(document)) if document.isdigit() else None
    return (handle, int(number)) if handle is not None and number else None


def _element(page: Page, uid: str) -> ElementHandle | None:
    """The live element behind a uid, or None when it left its document or the document went."""
    kept = _kept(page, uid)
    try:
        return kept[0].evaluate_handle(_LIVE.format("el"), kept[1]).as_element() if kept else None
    except Error:
        return None


def ask(page: Page, control: Control, script: str) -> Any:
    """What `script`, a function of the element, answers of the live control, in one question; None when it has gone."""
    kept = _kept(page, control.uid)
    try:
        return kept[0].evaluate(_LIVE.format(f"({script})(el)"), kept[1]) if kept else None
    except Error:
        return None


def locate(page: Page, form: FormSeen, control: Control) -> ElementHandle | None:
    """The live element of a control: itself while connected, else the one that took its place when the site drew the form anew."""
    found = _element(page, control.uid)
    if found is not None:
        return found
    again = find_again(read_forms(page), form)
    twin = again and control_again(again, control)
    return _element(page, twin.uid) if twin else None


def locate_proxy(page: Page, form: FormSeen, control: Control) -> ElementHandle | None:
    """What a person would act on instead of a hidden control: its styled label or the widget that stands for it."""
    found = _element(page, control.proxy)
    if found is not None or not control.proxy:
        return found
    again = find_again(read_forms(page), form)
    twin = again and control_again(again, control)
    return _element(page, twin.proxy) if twin else None


def locate_form(page: Page, form: FormSeen) -> ElementHandle | None:
    found = _element(page, form.uid)
    if found is not None:
        return found
    again = find_again(read_forms(page), form)
    return _element(page, again.uid) if again else None


def frame_of(page: Page, form: FormSeen, element: ElementHandle) -> Frame | None:
    """Where an element of the form stands."""
    return element.owner_frame() if form.frame else page.main_frame


def find_again(forms: list[FormSeen], form: FormSeen) -> FormSeen | None:
    """The same form in a later reading: by uid, else the one that shares most of its fields, name and place."""
    same = next((one for one in forms if one.uid == form.uid), None)
    if same:
        return same
    mine = _field_keys(form)

    def likeness(other: FormSeen) -> float:
        theirs = _field_keys(other)
        shared = len(mine & theirs) / max(1, len(mine | theirs))
        named = (bool(form.id) and other.id == form.id) + (bool(form.name) and other.name == form.name)
        return (
            shared * 4
            + named
            + 0.5 * (other.action == form.action)
            + 0.3 * (other.index == form.index)
            + 0.2 * (other.frame == form.frame)
        )

    best = max(forms, key=likeness, default=None)
    if best is None:
        return None
    return best if likeness(best) >= 2.0 or (_field_keys(best) & mine and form.id and best.id == form.id) else None


def _field_keys(form: FormSeen) -> set[tuple[str, str]]:
    """What a form's fields are known by: names where given, since numbers of unnamed ones move."""
    return {
        (c.tag, c.name or c.texts.get("label") or c.texts.get("placeholder") or c.key)
        for c in form.controls
        if c.tag != "button" and c.type != "hidden"
    }


def control_again(form: FormSeen, control: Control) -> Control | None:
    """The same control in a later reading of its form: by uid, key, id, label and type, in that order; None when two would do."""
    same = next((one for one in form.controls if one.uid == control.uid), None)
    if same:
        return same
    kin = [one for one in form.controls if one.tag == control.tag and one.type == control.type]
    if control.type in ("radio", "checkbox"):
        valued = [one for one in kin if one.key == control.key and one.value == control.value]
        return (
            valued[0]
            if len(valued) == 1
            else _alone([one for one in valued or kin if _called(one) == _called(control)])
        )
    named = [one for one in kin if control.name and one.name == control.name]
    if named:
        twins = [one for one in named if _called(one) == _called(control)]
        return twins[0] if len(twins) == 1 else named[0]
    return _alone([one for one in kin if control.id and one.id == control.id]) or _alone(
        [one for one in kin if _called(one) and _called(one) == _called(control)]
    )


def _alone(found: list[Control]) -> Control | None:
    return found[0] if len(found) == 1 else None


def _called(control: Control) -> str:
    texts = control.texts
    return next((texts[s] for s in ("label", "aria", "placeholder", "before", "over", "after") if texts.get(s)), "")
