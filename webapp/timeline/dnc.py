"""Do not contact: who may not be called or written to, by phone, email or domain.

An entry is never deleted: lifting it keeps who, when and why. A phone's entry and the status `dnc` of the
leads with that phone go together, whichever came first.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.models import User
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.states import advance_many
from webapp.leads.facts import parse_phone
from webapp.leads.models import Lead, LeadSearch
from webapp.leads.service import dnc_hooks, move_hooks
from webapp.leads.service.leads import person_says
from webapp.leads.states import LEAD
from webapp.timeline.models import DncEntry

KINDS = {"phone": "Phone", "email": "Email", "domain": "Domain"}
MAX_LINES = 5_000
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")


@dataclass(slots=True)
class Added:
    """`known` were blocked before; `refused` are lines with what is wrong; `leads` got the status Do Not Call."""

    added: int = 0
    known: int = 0
    leads: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)


def parse_value(text: str, country: str = "US") -> tuple[str, str] | None:
    """(kind, normal form) of a phone, an email or a domain as people write it, or None."""
    value = text.strip().strip("\"'<>,;").strip()
    if not value or len(value) > 320 or "\x00" in value:
        return None
    if "@" in value and not value.startswith("@"):
        try:
            return "email", validate_email(value, check_deliverability=False).normalized.lower()
        except EmailNotValidError:
            return None
    bare = re.sub(r"^(https?://)?(www\.)?", "", value.lower().removeprefix("@")).split("/")[0]
    if _DOMAIN.fullmatch(bare):
        return "domain", bare
    if re.search(r"[a-z]", value.lower()) or (phone := parse_phone(value, country)) is None:
        return None
    return "phone", phone


def parse_lines(lines: Iterable[str], country: str) -> tuple[list[tuple[str, str]], list[tuple[int, str, str]]]:
    """Values of a pasted list or a one-column file, each once, and the lines that are none.

    Of a line with commas, semicolons or tabs the first cell that can be read counts; a heading line is passed over.
    """
    found: dict[tuple[str, str], None] = {}
    refused: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = [line, *re.split(r"[,;\t]", line)]
        value = next((read for cell in cells if (read := parse_value(cell, country)) is not None), None)
        if value is not None:
            found[value] = None
        elif not (number == 1 and re.fullmatch(r"[\ufeff\s\w\"',;-]+", line) and not re.search(r"\d{3}", line)):
            refused.append((number, line.strip()[:80], "is no phone, email or domain"))
    return list(found), refused


@atomic(retry=3)
def add_entries(values: Sequence[tuple[str, str]], reason: str, *, source: str = "user", by: User) -> Added:
    """Block the values; leads with a blocked phone become Do Not Call, whatever they were."""
    done = Added()
    if not values:
        return done
    rows = [
        {
            "company_id": by.company_id,
            "kind": kind,
            "value": value,
            "reason": reason,
            "source": source,
            "added_by_id": by.id,
        }
        for kind, value in sorted(set(values))
    ]
    added = db.session.scalars(insert(DncEntry).values(rows).on_conflict_do_nothing().returning(DncEntry.id)).all()
    done.added, done.known = len(added), len(rows) - len(added)
    batch_id = uuid.uuid4()
    phones = sorted({value for kind, value in values if kind == "phone"})
    done.leads = len(_move(by.company_id, phones, "dnc", reason, batch_id, by=by))
    if done.added or done.leads:
        what = rows[0]["value"] if len(rows) == 1 else f"{done.added} values"
        record_event("dnc_added", f"Put {what} on the do-not-contact list", by=by, batch_id=batch_id, reason=reason,
                     added=done.added, leads=done.leads)  # fmt: skip
    return done


def _move(company_id: int, phones: Sequence[str], to: str, reason: str, batch_id: uuid.UUID, *, by: User) -> list[int]:
    """Leads with these phones to `dnc`, or those at `dnc` back to `to`; returns their ids."""
    if not phones:
        return []
    t = Lead.__table__.c
    wanted = sa.select(LeadSearch.lead_id).where(
        LeadSearch.company_id == company_id, LeadSearch.phone == sa.any_(sa.cast(list(phones), sa.ARRAY(sa.Text)))
    )
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
    """Permit contact again. With `release_leads` the leads of the phone go from Do Not Call to New: how many;
    without, none is touched. None when the entry was lifted before.
    """
    lifted = db.session.execute(
        sa.update(DncEntry.__table__)
        .where(DncEntry.id == entry.id, DncEntry.lifted_at.is_(None))
        .values(lifted_at=db_now(), lifted_by_id=by.id, lifted_reason=reason)
        .returning(DncEntry.id)
    ).first()
    if lifted is None:
        return None
    batch_id = uuid.uuid4()
    released: list[int] = []
    if release_leads and entry.kind == "phone":
        released = _move(entry.company_id, [entry.value], LEAD.initial, reason, batch_id, by=by)
    record_event("dnc_lifted", f"Lifted {entry.value} from the do-not-contact list", by=by, subject=entry, batch_id=batch_id,
                 reason=reason, leads=len(released))  # fmt: skip
    db.session.refresh(entry)
    return len(released)


def _block_phones(lead_ids: Sequence[int], to: str, by: User, reason: str | None) -> None:
    """A person set leads to Do Not Call: their phones go on the list."""
    db.session.execute(
        sa.text(
            """
            INSERT INTO dnc_entries (company_id, kind, value, reason, source, lead_id, added_by_id)
            SELECT DISTINCT ON (phone) company_id, 'phone', phone, :reason, 'lead', id, :by
            FROM leads WHERE id = ANY(:ids) AND phone IS NOT NULL ORDER BY phone, id
            ON CONFLICT DO NOTHING
            """
        ),
        {"ids": list(lead_ids), "reason": reason or "", "by": by.id},
    )


dnc_hooks.append(_block_phones)
