from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.timeline.states import CONTACT, COUNTED, DIRECTIONS, METHODS, NOTICE, SOURCES


def _one_of(column: str, values: Any) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


COUNTS_SQL = f"direction = 'outbound' AND hidden_at IS NULL AND scheduled_for IS NULL AND {_one_of('state', COUNTED)}"
# What fills the cap: an unanswered call does not.
CAPS_SQL = f"{COUNTS_SQL} AND (method <> 'call' OR responded)"
EMPTY: Any = sa.text("'{}'::jsonb")


class ContactAttempt(Row, db.Model):
    """One contact with a lead. Dialer calls are not copied here: the view `contacts` adds them from call_logs.

    `occurred_at` orders the timeline and drives every rule; `created_at` is when it was written down. A row with
    `scheduled_for` is planned and has not happened. `user_name` stays when the user is renamed or gone. `counts`
    and `caps` are generated: outbound and real, and filling the cap. `hidden_at`: logged by mistake.
    `source_key` names the effect within its source, once a company. `merged_from_id`: the lead it came with in a merge.
    """

    __tablename__ = "contact_attempts"

    company_id: Mapped[int] = company_id_column(index=False)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    user_name: Mapped[str] = mapped_column(server_default="", default="")
    method: Mapped[str]
    direction: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="", default="")
    body: Mapped[str] = mapped_column(server_default="", default="")
    responded: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    response_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=EMPTY, default=dict)
    occurred_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    scheduled_for: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default=CONTACT.initial, default=CONTACT.initial)
    source: Mapped[str] = mapped_column(server_default="person", default="person")
    source_id: Mapped[int | None]
    source_key: Mapped[str | None]
    over_cap: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    hidden_at: Mapped[datetime | None]
    hidden_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    hidden_reason: Mapped[str] = mapped_column(server_default="", default="")
    merged_from_id: Mapped[int | None]

    counts: Mapped[bool] = mapped_column(sa.Computed(COUNTS_SQL, persisted=True))
    caps: Mapped[bool] = mapped_column(sa.Computed(CAPS_SQL, persisted=True))

    __table_args__ = (
        CONTACT.constraint(),
        sa.CheckConstraint(_one_of("method", METHODS), name="method"),
        sa.CheckConstraint(_one_of("direction", DIRECTIONS), name="direction"),
        sa.CheckConstraint(_one_of("source", SOURCES), name="source"),
        sa.CheckConstraint("occurred_at BETWEEN '1970-01-01Z' AND '2100-01-01Z'", name="occurred_at"),
        sa.CheckConstraint("responded = (response_at IS NOT NULL)", name="responded"),
        sa.CheckConstraint("scheduled_for IS NULL OR state IN ('reserved', 'failed')", name="scheduled"),
        sa.CheckConstraint("pg_column_size(metadata) <= 20000", name="metadata"),
        sa.Index("ix_contact_attempts_lead", "lead_id", sa.text("occurred_at DESC"), sa.text("id DESC"),
                 postgresql_include=["method", "direction", "counts", "caps"]),
        sa.Index("ix_contact_attempts_company", "company_id", "occurred_at",
                 postgresql_include=["method", "user_id", "responded", "response_at", "counts"]),
        sa.Index("ix_contact_attempts_user", "company_id", "user_id", "occurred_at"),
        sa.Index("uq_contact_attempts_source", "company_id", "source", "source_key", unique=True,
                 postgresql_where=sa.text("source_key IS NOT NULL")),
        sa.Index("ix_contact_attempts_planned", "company_id", "scheduled_for",
                 postgresql_where=sa.text("state = 'reserved'")),
    )  # fmt: skip


class ContactRevision(Row, db.Model):
    """One change of a contact, append-only: `before` and `after` by column. Kinds: text, correction, response, hidden."""

    __tablename__ = "contact_revisions"

    company_id: Mapped[int] = company_id_column(index=False, checked=False)
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact_attempts.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (sa.CheckConstraint(_one_of("kind", ("text", "correction", "response", "hidden")), name="kind"),)


class ContactFile(Row, db.Model):
    """An attachment, at most 10 MB; served as a download, found by this row. `size` in bytes."""

    __tablename__ = "contact_files"

    company_id: Mapped[int] = company_id_column(index=False)
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contact_attempts.id", ondelete="CASCADE"), index=True)
    filename: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    storage_key: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))


class OutreachRule(Row, db.Model):
    """The limits of one method in one company; no row means the defaults of `rules.DEFAULT`.

    `cap_count` contacts in `cap_hours` rolling hours (NULL: no cap); `warn_days` (NULL: no warning).
    """

    __tablename__ = "outreach_rules"

    company_id: Mapped[int] = company_id_column(index=False)
    method: Mapped[str]
    cap_count: Mapped[int | None] = mapped_column(sa.Integer)
    cap_hours: Mapped[int] = mapped_column(sa.Integer)
    warn_days: Mapped[int | None] = mapped_column(sa.Integer)

    __table_args__ = (
        sa.UniqueConstraint("company_id", "method"),
        sa.CheckConstraint(_one_of("method", METHODS), name="method"),
        sa.CheckConstraint(
            "cap_count BETWEEN 1 AND 100 AND cap_hours BETWEEN 1 AND 8760 AND warn_days BETWEEN 1 AND 365",
            name="limits",
        ),
    )


class OutreachSettings(Row, db.Model):
    """The company's own times: `quiet_windows` maps weekday "0"-"6" (Monday 0) to [open, close] "HH:MM" in the
    lead's zone, or null for a closed day; a window may pass midnight. `holidays` are ISO days.
    """

    __tablename__ = "outreach_settings"

    company_id: Mapped[int] = company_id_column(index=False)
    other_method_days: Mapped[int | None] = mapped_column(sa.Integer, server_default="7", default=7)
    reply_hours: Mapped[int] = mapped_column(sa.Integer, server_default="72", default=72)
    quiet_for_people: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    quiet_for_campaigns: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    quiet_windows: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY, default=dict)
    holidays: Mapped[list[str]] = mapped_column(server_default="{}", default=list)
    show_presence: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)

    __table_args__ = (
        sa.UniqueConstraint("company_id"),
        sa.CheckConstraint("other_method_days BETWEEN 1 AND 365 AND reply_hours BETWEEN 0 AND 720", name="limits"),
    )


class GuardNotice(Row, db.Model):
    """A warning or refusal as it was shown. `shown` lists the contacts ({kind, id, who, method, subject, at, replied}),
    `newest` names the newest of them ("contact-12", "call-3"): an override is void once there is a newer one.
    `times`: how often the same person ran into the same one. `similarity` in percent of the draft.
    """

    __tablename__ = "guard_notices"

    company_id: Mapped[int] = company_id_column(index=False)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    method: Mapped[str]
    code: Mapped[str]  # do_not_contact, contact_cap, recent_contact, queued_contact
    state: Mapped[str]
    shown: Mapped[list[Any]] = mapped_column(sa.dialects.postgresql.JSONB, server_default=sa.text("'[]'::jsonb"))
    newest: Mapped[str] = mapped_column(server_default="", default="")
    similarity: Mapped[int | None] = mapped_column(sa.Integer)
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    expires_at: Mapped[datetime | None]
    next_allowed_at: Mapped[datetime | None]
    times: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    reason: Mapped[str] = mapped_column(server_default="", default="")
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact_attempts.id", ondelete="SET NULL"))
    settled_at: Mapped[datetime | None]
    batch_id: Mapped[UUID | None]

    __table_args__ = (
        NOTICE.constraint(),
        sa.CheckConstraint(
            _one_of("code", ("do_not_contact", "contact_cap", "recent_contact", "queued_contact")), name="code"
        ),
        sa.Index("ix_guard_notices_company", "company_id", "created_at", postgresql_include=["state", "code"]),
        sa.Index("ix_guard_notices_open", "expires_at", postgresql_where=sa.text("state = 'warned'")),
    )


class LeadViewer(db.Model):
    """Who has a lead's page open. Unlogged: it is about the last half minute."""

    __tablename__ = "lead_viewers"

    lead_id: Mapped[int] = mapped_column(
        sa.ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, autoincrement=False)
    company_id: Mapped[int]
    seen_at: Mapped[datetime] = mapped_column(server_default=sa.func.rebound_now())
    writing_at: Mapped[datetime | None]
    method: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)


class DncEntry(Row, db.Model):
    """Whom nobody may contact: a phone (E.164), an email, a domain, or one lead (`value` is its id).

    `method` NULL: by no method the value serves; else only that one. Lifted entries stay, with who and why.
    """

    __tablename__ = "dnc_entries"

    company_id: Mapped[int] = company_id_column()
    kind: Mapped[str]
    value: Mapped[str]
    method: Mapped[str | None]
    reason: Mapped[str] = mapped_column(server_default="", default="")
    source: Mapped[str] = mapped_column(server_default="user", default="user")
    lead_id: Mapped[int | None]
    added_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    lifted_reason: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (
        sa.CheckConstraint("kind IN ('phone', 'email', 'domain', 'lead')", name="kind"),
        sa.CheckConstraint(f"method IS NULL OR {_one_of('method', METHODS)}", name="method"),
        sa.Index("uq_dnc_entries_value", "company_id", "kind", "value", sa.text("coalesce(method, '')"), unique=True,
                 postgresql_where=sa.text("lifted_at IS NULL")),
    )  # fmt: skip


class LeadMerge(Row, db.Model):
    """One merge: `gone` is the whole row of the lead that ended, `kept_before` the survivor's facts that changed, `moved`
    the ids of the rows that changed hands by table; enough to undo it for 30 days. `fingerprint`: what was reviewed.
    """

    __tablename__ = "lead_merges"

    company_id: Mapped[int] = company_id_column()
    survivor_id: Mapped[int]
    gone_id: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    batch_id: Mapped[UUID]
    fingerprint: Mapped[str]
    gone: Mapped[dict[str, Any]]
    kept_before: Mapped[dict[str, Any]]
    kept_after: Mapped[dict[str, Any]]
    moved: Mapped[dict[str, Any]]
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    __table_args__ = (sa.Index("ix_lead_merges_survivor", "survivor_id"), sa.Index("ix_lead_merges_gone", "gone_id"))


class LeadAlias(db.Model):
    """A merged-away lead's id and the one it lives on in; kept flat, so one look is enough."""

    __tablename__ = "lead_aliases"

    gone_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    company_id: Mapped[int]
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id"), index=True)
    merge_id: Mapped[int] = mapped_column(sa.ForeignKey("lead_merges.id"))
    phone: Mapped[str | None]
    email: Mapped[str | None]

    __table_args__ = (
        sa.Index("ix_lead_aliases_phone", "company_id", "phone", postgresql_where=sa.text("phone IS NOT NULL")),
        sa.Index("ix_lead_aliases_email", "company_id", "email", postgresql_where=sa.text("email IS NOT NULL")),
    )


class DuplicateVerdict(Row, db.Model):
    """Two leads that somebody called different people: not shown as duplicates again. `low_id` < `high_id`."""

    __tablename__ = "duplicate_verdicts"

    company_id: Mapped[int] = company_id_column(index=False)
    low_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id", ondelete="CASCADE"))
    high_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    __table_args__ = (sa.UniqueConstraint("company_id", "low_id", "high_id"),)


class ContactDrift(Row, db.Model):
    """What the nightly check found and mended: how many summaries differed from their rows, with at most 20 named."""

    __tablename__ = "contact_drifts"

    company_id: Mapped[int] = company_id_column()
    leads: Mapped[int]
    found: Mapped[dict[str, Any]]
