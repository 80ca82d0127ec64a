"""Hosts inside the server's own network that a company's admins let Rebound contact."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.accounts.models import User
from webapp.accounts.service import Refused
from webapp.core.access import owned
from webapp.core.addresses import AddressRefused, is_address, is_never, split_pattern
from webapp.core.audit import record_event
from webapp.core.db import Row, atomic, company_id_column, db

MOST = 100


class AllowedHost(Row, db.Model):
    """`pattern` as `core.outbound` reads it: "host", "host:port", "*.suffix" or "*.suffix:port"."""

    __tablename__ = "allowed_hosts"

    company_id: Mapped[int] = company_id_column(index=False)
    pattern: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="", default="")
    added_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    __table_args__ = (sa.UniqueConstraint("company_id", "pattern"),)


def list_allowed(company_id: int) -> tuple[str, ...]:
    """The patterns, for `core.outbound`."""
    query = sa.select(AllowedHost.pattern).where(AllowedHost.company_id == company_id).order_by(AllowedHost.pattern)
    return tuple(db.session.scalars(query))


def list_hosts(company_id: int) -> list[AllowedHost]:
    return list(db.session.scalars(owned(AllowedHost, company_id).order_by(AllowedHost.pattern)))


def clean_pattern(text: str) -> str:
    """The one spelling of a pattern. Raises Refused with a sentence for the person who typed it."""
    try:
        name, port = split_pattern(text)
        if is_address(name) and is_never(name):
            raise AddressRefused("This address is never contacted: no website or service of yours lives there")
    except AddressRefused as refusal:
        raise Refused(f"{refusal.reason}.", "pattern") from None
    host = f"[{name}]" if ":" in name and port else name
    return f"{host}:{port}" if port else host


@atomic
def allow_host(pattern: str, note: str = "", *, by: User) -> AllowedHost:
    """Raises Refused for what names no host, what is there already, and the hundred-and-first."""
    cleaned = clean_pattern(pattern)
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"hosts {by.company_id}", 0))))
    if len(list_allowed(by.company_id)) >= MOST:
        raise Refused(f"There are {MOST} already. Remove those that are no longer needed.", "pattern")
    values = {"company_id": by.company_id, "pattern": cleaned, "note": note, "added_by_id": by.id}
    made = db.session.scalar(insert(AllowedHost).values(values).on_conflict_do_nothing().returning(AllowedHost.id))
    if made is None:
        raise Refused(f"{cleaned} is allowed already.", "pattern")
    row = db.session.get_one(AllowedHost, made)
    record_event("setting_changed", f"Allowed the host {cleaned}", by=by, subject=row, pattern=cleaned, note=note)
    return row


@atomic
def forget_host(row: AllowedHost, *, by: User) -> bool:
    """False when it was removed before."""
    gone = db.session.execute(sa.delete(AllowedHost).where(AllowedHost.id == row.id).returning(AllowedHost.id)).first()
    if gone is None:
        return False
    record_event("setting_changed", f"No longer allows the host {row.pattern}", by=by, subject=row, pattern=row.pattern)
    return True
