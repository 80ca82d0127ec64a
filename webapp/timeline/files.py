"""Attachments of contacts: kept in the storage under opaque keys, found by their rows, served as downloads."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from webapp.accounts.models import User
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.storage import Stored, TooLarge, get_storage
from webapp.timeline.models import ContactAttempt, ContactFile
from webapp.timeline.service.outcomes import ContactRefused

MOST_BYTES = 10 * 1024 * 1024
MOST_FILES = 5


@dataclass(frozen=True, slots=True)
class Kept:
    filename: str
    stored: Stored


def clean_filename(name: str | None) -> str:
    """The last part of what the browser sent, without control characters and path signs, at most 120 characters."""
    last = re.split(r"[\\/]", name or "")[-1]
    plain = " ".join(re.sub(r'[\x00-\x1f\x7f\ud800-\udfff<>:"|?*\u202a-\u202e\u2066-\u2069]', " ", last).split()).strip(
        ". "
    )
    if len(plain) > 120:
        stem, dot, end = plain.rpartition(".")
        plain = f"{stem[: 119 - len(end)]}{dot}{end}" if dot and len(end) < 10 else plain[:120]
    return plain or "attachment"


def keep_files(uploads: Sequence[tuple[str | None, BinaryIO]]) -> list[Kept]:
    """Store them before anything is written about them; all or none. Raises ContactRefused, StorageError."""
    if len(uploads) > MOST_FILES:
        raise ContactRefused(f"At most {MOST_FILES} attachments at once.", "files")
    kept: list[Kept] = []
    try:
        for name, stream in uploads:
            kept.append(Kept(clean_filename(name), get_storage().save(stream, limit=MOST_BYTES)))
            if kept[-1].stored.size == 0:
                raise ContactRefused(f"{kept[-1].filename} is empty.", "files")
    except TooLarge:
        drop_files(kept)
        raise ContactRefused(f"{clean_filename(name)} is larger than 10 MB.", "files") from None
    except ContactRefused:
        drop_files(kept)
        raise
    return kept


def drop_files(kept: Sequence[Kept]) -> None:
    """What was stored for a contact that was not written after all."""
    for each in kept:
        get_storage().delete(each.stored.key)


@atomic
def attach(contact_id: int, kept: Sequence[Kept], *, by: User) -> None:
    """Raises LookupError."""
    contact = find_owned(ContactAttempt, contact_id, by.company_id)
    if contact is None:
        raise LookupError("No such contact")
    for each in kept:
        kind = mimetypes.guess_type(each.filename)[0] or "application/octet-stream"
        db.session.add(
            ContactFile(company_id=by.company_id, contact_id=contact.id, filename=each.filename, content_type=kind,
                        size=each.stored.size, sha256=each.stored.sha256, storage_key=each.stored.key, user_id=by.id)
        )  # fmt: skip
    if kept:
        record_event("contact_files", f"Attached {len(kept)} files to a contact", by=by, subject=contact,
                     names=[each.filename for each in kept])  # fmt: skip
