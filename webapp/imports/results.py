"""How outcomes are called and drawn, and the file of refused rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webapp.core.states import State
from webapp.imports import queries
from webapp.imports.cells import guard
from webapp.imports.models import Import


@dataclass(frozen=True, slots=True)
class Kind:
    """One outcome of a row: before the run (`will`) and after it (`did`)."""

    name: str
    will: str
    did: str
    tone: str
    icon: str
    meaning: str


_KINDS = (
    Kind("new", "Will be imported", "Imported", "ok", "circle-check", "Leads that are not there yet."),
    Kind("update", "Will be updated", "Updated", "info", "refresh-cw", "Leads that are there already and take what the file says."),
    Kind("duplicate_in_file", "Duplicate in file", "Duplicate in file", "neutral", "copy", "An earlier line of the file has the same phone."),
    Kind("duplicate_in_list", "Duplicate in list", "Duplicate in list", "neutral", "copy", "The list has the phone already."),
    Kind("duplicate_in_campaign", "Duplicate in campaign", "Duplicate in campaign", "neutral", "copy",
         "Another list of the same dial campaign has the phone."),
    Kind("duplicate_in_company", "Duplicate in company", "Duplicate in company", "neutral", "copy", "Another list has the phone."),
    Kind("dnc", "Do not contact", "Do not contact", "warn", "shield-ban", "On the do-not-contact list, or marked so in the file."),
    Kind("invalid", "Invalid", "Invalid", "bad", "circle-x", "A cell cannot be used; each row says which and why."),
    Kind("missing", "Missing phone", "Missing phone", "bad", "phone-off", "There is nothing to reach them by."),
)  # fmt: skip
_CALL_KINDS = (
    Kind("new", "Will be taken", "Taken", "ok", "circle-check", "Calls of leads of yours."),
    Kind("applied", "Taken", "Taken", "ok", "circle-check", "Calls that now stand with their leads."),
    Kind("stale", "Nothing new", "Nothing new", "neutral", "circle-minus", "The call is known, and later news of it too."),
    Kind("duplicate", "Known already", "Known already", "neutral", "copy", "Taken before; nothing changes."),
    Kind("quarantined", "No such lead", "No such lead", "warn", "circle-question-mark",
         "No lead of yours has the number. Kept aside, and taken once the lead is there."),
    Kind("invalid", "Invalid", "Invalid", "bad", "circle-x", "A cell cannot be used; each row says which and why."),
)  # fmt: skip
KINDS = {"leads": {k.name: k for k in _KINDS}, "calls": {k.name: k for k in _CALL_KINDS}}
STAGES = {
    "uploaded": State("uploaded", "To be mapped", "info", icon="file-up"),
    "checked": State("checked", "To be confirmed", "warn", icon="list-checks"),
    "imported": State("imported", "Imported", "ok", icon="circle-check"),
    "undone": State("undone", "Undone", "neutral", icon="undo-2"),
}


def stage_of(row: Import) -> State:
    """What to show in a list: the work in hand, else where the file has come to."""
    return row.status if row.state != "done" else STAGES[row.stage]


def breakdown(row: Import, counts: dict[str, int], *, done: bool) -> list[dict[str, Any]]:
    """Every outcome that came up, in a fixed order; they sum to the file's rows."""
    return [
        {"name": kind.name, "label": kind.did if done else kind.will, "count": counts[kind.name], "tone": kind.tone,
         "icon": kind.icon, "meaning": kind.meaning}
        for kind in KINDS[row.kind].values() if counts.get(kind.name)
    ]  # fmt: skip


def refused_count(row: Import) -> int:
    fine = ("new", "update", "applied", "stale", "duplicate")
    return sum(n for name, n in row.result.get("counts", {}).items() if name not in fine)


def write_errors(row: Import) -> Iterator[str]:
    """CSV of the refused rows: their own columns as they came, then line, outcome and reason. It can be imported again."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    headers: list[str] = row.preview.get("headers", [])
    width = len(headers)
    buffer.write("\ufeff")
    writer.writerow([*(guard(header) for header in headers), "Rebound line", "Rebound outcome", "Rebound reason"])
    for number, outcome, reason, raw in queries.iter_refused(row):
        cells = [*(guard(cell) for cell in raw[:width]), *([""] * (width - len(raw)))]
        extra = [guard(cell) for cell in raw[width:]]
        writer.writerow([*cells, str(number), KINDS[row.kind][outcome].did, guard(reason), *extra])
        if buffer.tell() > 65_536:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
