"""Do not contact: whom nobody may call or write to, by phone, email, domain or lead, by all methods or by one.

An entry is never deleted: lifting it keeps who, when and why. The entry that blocks a phone or a lead by every
method and the status `dnc` go together, whichever came first; an entry for one method leaves the status alone.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.leads.facts import parse_phone
from webapp.leads.models import Lead
from webapp.leads.service import dnc_hooks, set_status
from webapp.leads.service.leads import move_hooks, person_says
from webapp.leads.states import LEAD
from webapp.timeline.models import DncEntry
from webapp.timeline.queries.dnc import (
    count_reachable,
    find_blocked,
    find_companions,
    select_released,
    select_with_phone,
)
from webapp.timeline.rules import Block, blocks_method
from webapp.timeline.states import METHODS

KINDS = {"phone": "Phone", "email": "Email", "domain": "Domain", "lead": "Lead"}
NOUNS = {"phone": "a phone", "email": "an email address", "domain": "a domain", "lead": "a lead"}
SOURCES = {"user": "Entered", "import": "Imported", "call": "Asked in a call", "lead": "Status of a lead"}
MAX_LINES = 5_000
_DOMAIN = re.compile(r"(?=.{4,253}$)([\w]([\w-]{0,61}[\w])?\.)+[^\W\d][\w-]{1,62}")
Value = tuple[str, str]  # kind and normal form
Refused = tuple[int, str, str]  # line, text, what is wrong


@dataclass(slots=True)
class Added:
    """`known` were blocked before; `refused` are lines with what is wrong; `leads` got the status Do Not Call."""

    added: int = 0
    known: int = 0
    leads: int = 0
    refused: list[Refused] = field(default_factory=list)


def parse_value(text: str, country: str = "US") -> Value | None:
    """(kind, normal form) of a phone, an email or a domain as people write it, or None."""
    value = text.strip().strip("\"'<>,;").strip()
    if not value or len(value) > 320 or "\x00" in value:
        return None
    if "@" in value and not value.startswith("@"):
        try:
            return "email", validate_email(value, check_deliverability=False).normalized.lower()
        except EmailNotValidError:
            return None
    if domain := _parse_domain(value):
        return "domain", domain
    if re.search(r"[a-z]", value.lower()) or (phone := parse_phone(value, country)) is None:
        return None
    return "phone", phone


def _parse_domain(value: str) -> str | None:
    """In the form in which email addresses are kept: lower case, names of other alphabets as they are written."""
    bare = re.sub(r"^(https?://)?(www\.)?", "", value.lower().removeprefix("@"))
    bare = re.split(r"[/?#:]", bare)[0].removesuffix(".")
    if not _DOMAIN.fullmatch(bare) or "_" in bare:
        return None
    try:
        return validate_email(f"a@{bare}", check_deliverability=False).domain.lower()
    except EmailNotValidError:
        return bare if bare.isascii() else None  # names that mail never uses: invalid, test


def parse_lines(lines: Iterable[str], country: str, method: str | None = None) -> tuple[list[Value], list[Refused]]:
    """Values of a pasted list or a one-column file, each once, and the lines that are none or that `method` cannot use.

    Of a line with commas, semicolons or tabs the first cell that can be read counts; a heading line is passed over.
    """
    found: dict[Value, None] = {}
    refused: list[Refused] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = [line, *re.split(r"[,;\t]", line)]
        values = [read for cell in cells if (read := parse_value(cell, country)) is not None]
        value = next((value for value in values if fits(value[0], method)), None)
        if value is not None:
            found[value] = None
        elif values:
            refused.append((number, line.strip()[:80], why_unfit(values[0][0], method)))
        elif not (number == 1 and re.fullmatch(r"[\ufeff\s\w\"',;-]+", line) and not re.search(r"\d{3}", line)):
            refused.append((number, line.strip()[:80], "is no phone, email or domain"))
    return list(found), refused


def fits(kind: str, method: str | None) -> bool:
    return method is None or blocks_method(Block(kind, ""), method)


def why_unfit(kind: str, method: str | None) -> str:
    return f"is {NOUNS[kind]}, which {METHODS[method].label} does not use" if method else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What `add_entries` would do now: `new` counts by kind."""

    new: dict[str, int]
    known: int
    leads: int


def preview_entries(company_id: int, values: Sequence[Value], method: str | None) -> Preview:
    have = find_blocked(company_id, values, method)
    new = Counter(kind for kind, value in values if (kind, value) not in have)
    phones = [value for kind, value in values if kind == "phone"] if method is None else []
    return Preview(
        {kind: new[kind] for kind in KINDS if new[kind]},
        len(have),
        count_reachable(company_id, phones) if phones else 0,
    )


@atomic(retry=3)
def add_entries(
    values: Sequence[Value], reason: str, *, method: str | None = None, source: str = "user", by: User
) -> Added:
    """Block the values, by one method or by all they serve; by all, leads with a blocked phone become Do Not Call,
    whatever they were. Values that the method does not use are left out: see `fits`.
    """
    done = Added()
    wanted = sorted({value for value in values if fits(value[0], method)})
    if not wanted:
        return done
    have = find_blocked(by.company_id, wanted, method)
    rows = [
        {"company_id": by.company_id, "kind": kind, "value": value, "method": method, "reason": reason, "source": source,
         "added_by_id": by.id}
        for kind, value in wanted
        if (kind, value) not in have
    ]  # fmt: skip
    if rows:
        inserted = insert(DncEntry).values(rows).on_conflict_do_nothing().returning(DncEntry.id)
        done.added = len(db.session.scalars(inserted).all())
    done.known = len(wanted) - done.added
    batch_id = uuid.uuid4()
    if method is None and (phones := [value for kind, value in wanted if kind == "phone"]):
        done.leads = len(_move(by.company_id, select_with_phone(by.company_id, phones), "dnc", reason, batch_id, by=by))
    if done.added or done.leads:
        what = wanted[0][1] if len(wanted) == 1 else f"{done.added} values"
        record_event("dnc_added", f"Put {what} on the do-not-contact list{_by(method)}", by=by, batch_id=batch_id,
                     reason=reason, method=method, added=done.added, leads=done.leads)  # fmt: skip
    return done


@atomic(retry=3)
def block_lead(lead_id: int, method: str | None, reason: str, *, by: User) -> bool:
    """Block one lead, by one method or by all; by all it becomes Do Not Call, as when a person sets that status.
    False when it was blocked so before. Raises LookupError.
    """
    lead = find_owned(Lead, lead_id, by.company_id, lock=True)
    if lead is None:
        raise LookupError("No such lead")
    value = ("lead", str(lead.id))
    new = not find_blocked(lead.company_id, [value], method)
    if new:
        db.session.execute(
            insert(DncEntry)
            .values(company_id=lead.company_id, kind="lead", value=str(lead.id), method=method, reason=reason,
                    lead_id=lead.id, added_by_id=by.id)
            .on_conflict_do_nothing()
        )  # fmt: skip
        record_event("dnc_added", f"Put {lead.name} on the do-not-contact list{_by(method)}", by=by, subject=lead,
                     reason=reason, method=method, added=1)  # fmt: skip
    if method is None and lead.status != "dnc":
        set_status(lead.id, "dnc", by=by, reason=reason)
        new = True
    return new


def _by(method: str | None) -> str:
    return f" for {METHODS[method].label}" if method else ""


def _move(company_id: int, wanted: sa.Select[Any], to: str, reason: str, batch_id: uuid.UUID, *, by: User) -> list[int]:
    """Those of the wanted leads that are not yet so to `dnc`, or those at `dnc` back to `to`; returns their ids."""
    t = Lead.__table__.c
    side = t.status.is_distinct_from("dnc") if to == "dnc" else t.status == "dnc"
    picks = (
        sa.select(t.id, t.company_id, t.status.label("seen"), sa.literal(to).label("to_status"))
        .where(t.id.in_(wanted), t.company_id == company_id, side)
        .order_by(t.id)
        .with_for_update()
    )
    moved = db.session.execute(
        advance_many(
            picks, machine=LEAD, table=Lead.__table__, by=by.id, cause="user", batch_id=batch_id, reason=reason,
            values={**person_says(), "anchor_status": "to_status", "version": t.version + 1},
        )
    ).all()  # fmt: skip
    ids = sorted(row.subject_id for row in moved)
    if ids:
        for hook in move_hooks:
            hook(ids, to, by, reason)
    return ids


@atomic(retry=3)
def lift_entry(entry: DncEntry, reason: str, *, release_leads: bool, by: User) -> int | None:
    """Permit contact again. With `release_leads` the leads that nothing else blocks go from Do Not Call to New, and a
    lead's phone that was blocked with it is lifted too: how many leads; without, none is touched. None when the entry
    was lifted before.
    """
    ids = [entry.id, *(find_companions(entry) if release_leads else ())]
    released_leads = select_released(entry, ids)
    lifted = db.session.execute(
        sa.update(DncEntry.__table__)
        .where(DncEntry.id.in_(ids), DncEntry.lifted_at.is_(None))
        .values(lifted_at=db_now(), lifted_by_id=by.id, lifted_reason=reason)
        .returning(DncEntry.id)
    ).all()
    if entry.id not in {row.id for row in lifted}:
        return None
    batch_id = uuid.uuid4()
    released: list[int] = []
    if release_leads and released_leads is not None:
        released = _move(entry.company_id, released_leads, LEAD.initial, reason, batch_id, by=by)
    what = f"lead {entry.value}" if entry.kind == "lead" else entry.value
    record_event("dnc_lifted", f"Lifted {what} from the do-not-contact list{_by(entry.method)}", by=by, subject=entry,
                 batch_id=batch_id, reason=reason, leads=len(released))  # fmt: skip
    db.session.refresh(entry)
    return len(released)


def _block_leads(lead_ids: Sequence[int], to: str, by: User, reason: str | None) -> None:
    """A person set leads to Do Not Call: their phones go on the list, and a lead without one goes there itself."""
    db.session.execute(
        sa.text(
            """
            INSERT INTO dnc_entries (company_id, kind, value, reason, source, lead_id, added_by_id)
            SELECT DISTINCT ON (kind, value) company_id, kind, value, :reason, 'lead', id, :by
            FROM (SELECT company_id, id, CASE WHEN phone IS NULL THEN 'lead' ELSE 'phone' END AS kind,
                         coalesce(phone, id::text) AS value
                  FROM leads WHERE id = ANY(:ids)) AS told
            ORDER BY kind, value, id
            ON CONFLICT DO NOTHING
            """
        ),
        {"ids": list(lead_ids), "reason": reason or "", "by": by.id},
    )


dnc_hooks.append(_block_leads)
