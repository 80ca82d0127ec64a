"""The form engine's eyes on real labelled pages: `python -m bench.forms [file.jsonl.gz ...] [--misses] [--half 0|1]`.

Pages are rendered in Chromium without network or scripts (they are static copies), read, judged and mapped by the real engine, and
compared with what people (Formasaurus) or two language models (Common Crawl) wrote on them. Other people's pages: they stay out of
the repository, by default in ../shared/forms.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, sync_playwright

from bench import form_tables
from webapp.automation.engine.choose import choose_form
from webapp.automation.engine.failures import Failed
from webapp.automation.engine.judge import judge
from webapp.automation.engine.read import INIT_SCRIPT, read_forms
from webapp.automation.engine.seen import Control, FormSeen
from webapp.core.chromium import find_chromium

SHARED = Path(__file__).resolve().parents[2] / "shared" / "forms"
PROCESSES = 2


@dataclass
class Read:
    """A labelled page and what the engine saw of it."""

    page: str
    title: str
    labelled: list[dict[str, Any]]
    forms: list[FormSeen] = field(default_factory=list)
    problem: str = ""


def load(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def half_of(page: str) -> int:
    """Halves that do not depend on the order of the file."""
    return hashlib.sha256(page.encode()).digest()[0] & 1


def render(rows: list[dict[str, Any]]) -> list[Read]:
    """In one process: one browser, one page after the other."""
    found = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        context = chromium.new_context(offline=True, java_script_enabled=False)
        context.add_init_script(INIT_SCRIPT)
        # 204 leaves a page where it is when it wants to go elsewhere by itself.
        context.route(
            "**/*", lambda route: route.fulfill(status=204) if route.request.is_navigation_request() else route.abort()
        )
        for row in rows:
            one = Read(row["page"], "", row["forms"])
            tab = context.new_page()
            try:
                tab.set_content(row["html"], wait_until="domcontentloaded", timeout=20_000)
                one.title, one.forms = tab.title(), read_forms(tab)
            except Error as error:
                one.problem = error.message.splitlines()[0]
            tab.close()
            found.append(one)
        chromium.close()
    return found


def read_pages(path: Path, half: int | None = None) -> list[Read]:
    rows = [row for row in load(path) if half is None or half_of(row["page"]) == half]
    # Small shares, so that one slow page does not leave the other process idle.
    shares = [rows[at : at + 60] for at in range(0, len(rows), 60)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        return [one for share in pool.map(render, shares) for one in share]


def pair(labelled: list[dict[str, Any]], forms: list[FormSeen]) -> list[tuple[dict[str, Any], FormSeen | None]]:
    """Labelled forms with those seen, by the control names they share, then by index: parsers count broken tags differently."""
    scored = []
    for at, label in enumerate(labelled):
        names = set(label["fields"])
        for number, form in enumerate(forms):
            keys = {one.key for one in form.controls}
            shared = len(names & keys)
            same = label["index"] == form.index and form.frame == 0
            if shared or (same and not names):
                scored.append((shared / max(1, len(names)) + 0.1 * shared / len(keys) + 0.5 * same, -at, -number))
    found: dict[int, FormSeen] = {}
    used: set[int] = set()
    for _, at, number in sorted(scored, reverse=True):
        if -at not in found and -number not in used:
            found[-at] = forms[-number]
            used.add(-number)
    return [(label, found.get(at)) for at, label in enumerate(labelled)]


def control_for(form: FormSeen, key: str) -> Control | None:
    """The control a key names, "name~2" the second of that name; of several else the one that a person would meet."""
    base, tilde, number = key.rpartition("~")
    same = [one for one in form.controls if one.key == key]
    if not same and tilde and number.isdigit():
        twins = [one for one in form.controls if one.key == base]
        return twins[int(number) - 1] if len(twins) >= int(number) else None
    return min(same, key=lambda one: (one.type == "hidden", not one.visible and not one.proxied), default=None)


@dataclass
class Counted:
    """What a set came to: per kind right, wrong and missed, and the disagreements in words."""

    kinds: dict[str, list[int]] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)

    def tell(self, kind: str, slot: int) -> None:
        self.kinds.setdefault(kind, [0, 0, 0])[slot] += 1

    def note(self, fact: str, by: int = 1) -> None:
        self.facts[fact] = self.facts.get(fact, 0) + by


def count_fields(reads: Iterable[Read], counted: Counted, only: str | None = None) -> None:
    for one in reads:
        for label, form in pair(one.labelled, one.forms):
            if only is not None and label["type"] != only:
                continue
            mapped = judge(form).mapped if form else {}
            for key, truth in label["fields"].items():
                if truth is None:
                    continue
                control = control_for(form, key) if form else None
                if control is None:
                    counted.note("labelled controls not seen")
                    counted.misses.append(f"{one.page}: {key} ({truth}) was not seen")
                    mine, said = "other", None
                else:
                    said = mapped[control.uid]
                    mine = form_tables.name_of(said.kind, mapped)
                if truth == "honeypot" and control is not None and said and said.kind not in form_tables.UNFILLED:
                    counted.note("honeypots proposed for filling")
                group = form_tables.GROUPS.get(mine)
                if group and control is not None:
                    theirs = (
                        "none" if truth == "none" else "right" if form_tables.GROUPS.get(truth) == group else "wrong"
                    )
                    counted.note(f"{group} {theirs}")
                    counted.note(f"{group} plainly", theirs == "none" and form_tables.says_plainly(group, control))
                if label["type"] is None and (mine, truth) == ("email_confirm", "email"):
                    mine = "email"  # that set has no kind for the second
                if mine == truth:
                    counted.tell(truth, 0)
                    continue
                counted.tell(mine, 1)
                counted.tell(truth, 2)
                if {mine, truth} - {"other", "none", "submit"} and control is not None and said:
                    words = {k: v[:60] for k, v in control.texts.items() if k != "hint"}
                    counted.misses.append(
                        f"{one.page} form {label['index']} ({label['type']}) {key} [{control.tag} {control.type}]: labelled {truth},"
                        f" we say {said.kind} by {said.source} ({said.reason[:60]}) {words} {control.why_hidden}"
                    )


def count_forms(reads: Iterable[Read], counted: Counted) -> None:
    """Two readings of "contact": as Formasaurus labels it (contact or comment, with reviews and tell-a-friend), and what we would send to."""
    for one in reads:
        pairs = pair(one.labelled, one.forms)
        by_form = {id(form): label["type"] for label, form in pairs if form}
        for label, form in pairs:
            if label["type"] is None:
                continue
            truth = label["type"] == "contact"
            verdict = judge(form, page_title=one.title) if form else None
            purpose = verdict.purpose if verdict else "not seen"
            said = bool(verdict and (verdict.contact or verdict.purpose in form_tables.WRITES))
            if said or truth:
                slot = 0 if said and truth else 1 if said else 2
                counted.tell("contact or comment form", slot)
            strict = bool(verdict and verdict.contact)
            if strict or truth:
                counted.tell("contact form to send to", 0 if strict and truth else 1 if strict else 2)
            if said != truth or strict != truth:
                reasons = "; ".join(verdict.reasons) if verdict else ""
                counted.misses.append(
                    f"{one.page} form {label['index']}: labelled {label['type']}, we say {purpose}: {reasons}"
                )
        counted.note("pages")
        try:
            choice = choose_form(one.forms, page_title=one.title)
        except Failed as failed:
            if any(label["type"] == "contact" for label in one.labelled):
                counted.note(f"contact pages that end as {failed.kind}")
            continue
        chosen = by_form.get(id(choice.form))
        counted.note(f"pages where a form labelled {chosen} is chosen")
        if chosen in ("search", "login", "join mailing list"):
            counted.note("pages where search, login or newsletter is chosen")
            counted.misses.append(f"{one.page}: CHOSEN {chosen} {choice.reasons}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=sorted(SHARED.glob("*.gz")))
    parser.add_argument("--misses", action="store_true", help="list every disagreement, for a person to judge")
    parser.add_argument(
        "--half", "--fold", type=int, choices=(0, 1), help="only one half of the pages, split by page name"
    )
    given = parser.parse_args()
    for path in given.files:
        began = time.monotonic()
        report(path.name, read_pages(path, given.half), given.misses)
        print(f"({time.monotonic() - began:.0f} s)\n")


def report(name: str, reads: list[Read], misses: bool) -> None:
    typed = any(label["type"] for one in reads for label in one.labelled)
    forms, fields, contact = Counted(), Counted(), Counted()
    if typed:
        count_forms(reads, forms)
        count_fields(reads, contact, only="contact")
    count_fields(reads, fields)
    broken = [f"{one.page}: {one.problem}" for one in reads if one.problem]
    print(form_tables.table(name, len(reads), typed, forms, fields, contact, broken))
    if misses:
        print("\n".join(["", *broken, *forms.misses, *fields.misses]))


if __name__ == "__main__":
    main()
