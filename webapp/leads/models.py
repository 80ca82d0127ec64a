from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db
from webapp.core.work import WorkMixin
from webapp.leads.problems import PROBLEM_SQL
from webapp.leads.states import LEAD

# What was logged (kept by timeline.summary) and what the dialer's calls say (kept with call_count), as one fact each.
CONTACT_COUNT_SQL = "logged_contacts + call_contacts"
LAST_CONTACTED_SQL = "greatest(last_logged_at, last_call_contact_at)"
LAST_METHOD_SQL = """CASE WHEN last_call_contact_at > coalesce(last_logged_at, '-infinity') THEN 'call'
 ELSE last_logged_method END"""


class LeadList(Row, db.Model):
    __tablename__ = "lead_lists"

    company_id: Mapped[int] = company_id_column()
    name: Mapped[str]
    dial_campaign_id: Mapped[int | None] = mapped_column(sa.ForeignKey("dial_campaigns.id"), index=True)
    active: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    weight: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    expires_on: Mapped[datetime | None]
    is_demo: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    archived_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1", default=1)

    __table_args__ = (sa.Index("uq_lead_lists_name", "company_id", sa.text("lower(name)"), unique=True),)


class Lead(Row, db.Model):
    """One lead. Kept by the database itself: `call_count`, `last_result_at`, `call_contacts` and `last_call_contact_at`
    (trigger on call_logs), `problem` (generated: the first problem class the row falls in, or NULL), the contact
    summary (generated from what was logged and what was dialed), the list's tallies.

    `anchor_status` is the last status that no call gave it and `anchor_at` since when: only calls with a
    result after it speak for the status. `dials_reset_at` starts the count behind `pass_dials`.
    """

    __tablename__ = "leads"

    company_id: Mapped[int] = company_id_column(index=False)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("lead_lists.id"))
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    import_id: Mapped[int | None] = mapped_column(sa.ForeignKey("imports.id"))

    first_name: Mapped[str] = mapped_column(server_default="", default="")
    last_name: Mapped[str] = mapped_column(server_default="", default="")
    business: Mapped[str] = mapped_column(server_default="", default="")
    title: Mapped[str] = mapped_column(server_default="", default="")
    phone: Mapped[str | None]  # E.164
    extension: Mapped[str] = mapped_column(server_default="", default="")
    email: Mapped[str | None]
    website: Mapped[str] = mapped_column(server_default="", default="")
    linkedin_url: Mapped[str] = mapped_column(server_default="", default="")
    city: Mapped[str] = mapped_column(server_default="", default="")
    state: Mapped[str] = mapped_column(server_default="", default="")
    postal_code: Mapped[str] = mapped_column(server_default="", default="")
    country: Mapped[str] = mapped_column(server_default="", default="")
    zone: Mapped[str | None]  # IANA
    source: Mapped[str] = mapped_column(server_default="", default="")
    tags: Mapped[list[str]] = mapped_column(server_default="{}", default=list)
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)

    status: Mapped[str | None] = mapped_column(default=LEAD.initial)
    last_status_change: Mapped[datetime | None]
    anchor_status: Mapped[str | None]
    anchor_at: Mapped[datetime | None]

    last_dial_attempt: Mapped[datetime | None]
    dial_result: Mapped[str] = mapped_column(server_default="", default="")
    dial_attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    answered_count: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    call_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    last_result_at: Mapped[datetime | None]
    pass_number: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)
    pass_dials: Mapped[int] = mapped_column(sa.Integer, server_default="0", default=0)
    dials_reset_at: Mapped[datetime | None]
    next_eligible_at: Mapped[datetime | None]

    logged_contacts: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    last_logged_at: Mapped[datetime | None]
    last_logged_method: Mapped[str | None]
    call_contacts: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    last_call_contact_at: Mapped[datetime | None]
    last_response_at: Mapped[datetime | None]
    follow_up_on: Mapped[date | None]
    follow_up_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1", default=1)

    problem: Mapped[str | None] = mapped_column(sa.Computed(PROBLEM_SQL, persisted=True))
    contact_count: Mapped[int] = mapped_column(sa.Integer, sa.Computed(CONTACT_COUNT_SQL, persisted=True))
    last_contacted_at: Mapped[datetime | None] = mapped_column(sa.Computed(LAST_CONTACTED_SQL, persisted=True))
    last_contact_method: Mapped[str | None] = mapped_column(sa.Computed(LAST_METHOD_SQL, persisted=True))

    __table_args__ = (
        LEAD.constraint(nullable=True),
        sa.CheckConstraint("dial_attempts >= 0 AND answered_count >= 0 AND pass_dials >= 0", name="counters"),
        sa.Index("ix_leads_list_status", "list_id", "status", "id"),
        sa.Index("ix_leads_list_dialed", "list_id", sa.text("last_dial_attempt DESC NULLS LAST"), sa.text("id DESC")),
        sa.Index("ix_leads_list_contacted", "list_id", sa.text("last_contacted_at DESC NULLS LAST"), sa.text("id DESC")),
        sa.Index("ix_leads_follow_up", "company_id", "follow_up_on", postgresql_where=sa.text("follow_up_on IS NOT NULL")),
        sa.Index("ix_leads_problem", "list_id", "id", postgresql_include=["problem"],
                 postgresql_where=sa.text("problem IS NOT NULL")),
        sa.Index("ix_leads_heavy", "list_id", sa.text("dial_attempts DESC"), sa.text("id DESC"),
                 postgresql_include=["status", "answered_count", "pass_number"], postgresql_where=sa.text("dial_attempts >= 10")),
        sa.Index("ix_leads_later_pass", "list_id", "pass_dials", postgresql_include=["status", "dial_attempts"],
                 postgresql_where=sa.text("pass_number > 1 AND pass_dials > 0")),
        sa.Index("ix_leads_import", "import_id", postgresql_where=sa.text("import_id IS NOT NULL")),
        sa.Index("ix_leads_owner", "owner_id", postgresql_where=sa.text("owner_id IS NOT NULL")),
    )  # fmt: skip

    @property
    def name(self) -> str:
        person = f"{self.first_name} {self.last_name}".strip()
        return person or self.business or self.email or self.phone or f"Lead {self.id}"


class LeadSearch(db.Model):
    """What leads are found by, beside the table whose status changes: kept by a trigger on leads.

    `name_key` is the sort key, `phone_reversed` serves "ends in", `tsv` ('simple') word prefixes, and the
    lead's tags as lexemes "#tag".
    """

    __tablename__ = "lead_search"

    lead_id: Mapped[int] = mapped_column(
        sa.ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    company_id: Mapped[int]
    list_id: Mapped[int]
    name_key: Mapped[str]
    phone: Mapped[str | None]
    phone_reversed: Mapped[str | None]
    email: Mapped[str | None]  # lower case
    tsv: Mapped[Any] = mapped_column(sa.dialects.postgresql.TSVECTOR)

    __table_args__ = (
        sa.Index("ix_lead_search_name", "list_id", "name_key", "lead_id"),
        sa.Index("ix_lead_search_list", "list_id", "lead_id"),
        sa.Index("ix_lead_search_phone", "company_id", "phone", postgresql_where=sa.text("phone IS NOT NULL")),
        sa.Index("ix_lead_search_email", "company_id", "email", postgresql_where=sa.text("email IS NOT NULL")),
        sa.Index("ix_lead_search_ends", "phone_reversed", postgresql_ops={"phone_reversed": "text_pattern_ops"}),
        sa.Index("ix_lead_search_tsv", "tsv", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    )


class LeadTally(db.Model):
    """Appended deltas; the sum over rows of one key is exact at any moment. A trigger on leads appends,
    `leads.service.fold_tallies` folds each minute. `dials` is min(dial_attempts, 10)."""

    __tablename__ = "lead_tallies"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    company_id: Mapped[int]
    list_id: Mapped[int]
    status: Mapped[str | None]
    problem: Mapped[str | None]
    pass_number: Mapped[int] = mapped_column(sa.Integer)
    dials: Mapped[int] = mapped_column(sa.Integer)
    answered: Mapped[bool]
    leads: Mapped[int]
    dial_sum: Mapped[int]
    answered_sum: Mapped[int]

    __table_args__ = (
        sa.Index("ix_lead_tallies_list", "list_id"),
        sa.Index("ix_lead_tallies_company", "company_id"),
    )


class SavedView(Row, db.Model):
    """A name over the query string of /leads or of one list."""

    __tablename__ = "saved_views"

    company_id: Mapped[int] = company_id_column()
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    list_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead_lists.id", ondelete="CASCADE"))
    name: Mapped[str]
    query: Mapped[str]
    shared: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)


class BulkAction(Row, WorkMixin, db.Model):
    """One bulk change of leads: what was chosen (`filters` or `lead_ids`), what is done, how many."""

    __tablename__ = "bulk_actions"
    JOB = "bulk"

    company_id: Mapped[int] = company_id_column()
    action: Mapped[str]  # status, owner, tag_add, tag_remove, undo
    filters: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    lead_ids: Mapped[list[int] | None] = mapped_column(sa.ARRAY(sa.BigInteger))
    params: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), default=dict)
    batch_id: Mapped[UUID] = mapped_column(index=True)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))


class LeadChange(Row, db.Model):
    """One edit of a lead's fields (owner, tags, any fact), append-only: `before` and `after` by column."""

    __tablename__ = "lead_changes"

    company_id: Mapped[int] = company_id_column(index=False)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("leads.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    cause: Mapped[str]  # user, import, bulk, undo
    batch_id: Mapped[UUID | None] = mapped_column(index=True)
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]

    __table_args__ = (sa.Index("ix_lead_changes_lead", "lead_id", "id"),)
