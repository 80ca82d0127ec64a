"""Taking the demo data away again, and nothing that a person has added since. The ledger stays: it is append-only."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from webapp.accounts.models import Company, User
from webapp.automation.models import Dealership
from webapp.core.audit import StatusChange, record_event
from webapp.core.clock import db_now
from webapp.core.db import after_commit, atomic, db
from webapp.core.storage import get_storage
from webapp.core.work import step
from webapp.demo.loading import CHUNK, PROVIDER
from webapp.demo.models import DemoLoad
from webapp.dialer.models import CallEvent, CallLog, DialCampaign, HopperEntry
from webapp.imports.models import Import
from webapp.leads.models import Lead, LeadList
from webapp.recycling.models import RecycleBatch, Repair, Undo
from webapp.timeline.models import ContactAttempt, ContactFile, DncEntry, LeadAlias, LeadMerge


def demo_leads(company_id: int) -> sa.Select[int]:
    """Ids of the leads that a loading made, whatever list they are in now; not those that took in a lead of a person."""
    batches = sa.select(DemoLoad.batch_id).where(DemoLoad.company_id == company_id, DemoLoad.action == "load")
    made = sa.select(StatusChange.subject_id).where(StatusChange.batch_id.in_(batches), StatusChange.machine == "lead")
    return (
        sa.select(Lead.id)
        .join(StatusChange, StatusChange.subject_id == Lead.id)
        .where(
            StatusChange.batch_id.in_(batches),
            StatusChange.machine == "lead",
            Lead.company_id == company_id,
            ~sa.exists().where(Dealership.lead_id == Lead.id),  # somebody works with it, and its proof hangs on it
            ~sa.exists().where(
                LeadMerge.survivor_id == Lead.id, LeadMerge.undone_at.is_(None), LeadMerge.gone_id.not_in(made)
            ),
        )
    )


@atomic
def count_leads(row: DemoLoad) -> None:
    """Say how much there is, once."""
    if row.total is None:
        total = db.session.scalar(sa.select(sa.func.count()).select_from(demo_leads(row.company_id).subquery()))
        step(row, total=total, message="Taking leads and calls away.")


@atomic
def remove_chunk(row: DemoLoad) -> bool:
    """The next leads with their calls; False when none is left."""
    ids = list(
        db.session.scalars(
            demo_leads(row.company_id)
            .where(Lead.id > row.position)
            .order_by(Lead.id)
            .limit(CHUNK)
            .with_for_update(of=Lead)
        )
    )
    if not ids:
        return False
    for table, column in ((CallEvent, CallEvent.lead_id), (CallLog, CallLog.lead_id), (DncEntry, DncEntry.lead_id)):
        _delete(table, column.in_(ids))
    keys = list(
        db.session.scalars(
            sa.select(ContactFile.storage_key).join(ContactAttempt, ContactAttempt.id == ContactFile.contact_id)
            .where(ContactAttempt.lead_id.in_(ids))
        )
    )  # fmt: skip
    for key in keys:
        after_commit(partial(get_storage().delete, key))
    _delete(ContactAttempt, ContactAttempt.lead_id.in_(ids))
    _delete(LeadAlias, LeadAlias.lead_id.in_(ids))
    _delete(Lead, Lead.id.in_(ids))
    step(row, done=len(ids), position=ids[-1])
    return True


def _delete(model: Any, test: sa.ColumnElement[bool]) -> None:
    db.session.execute(sa.delete(model).where(test).execution_options(synchronize_session=False))


@atomic
def clear_up(row: DemoLoad) -> None:
    """Lists, campaigns, users and entries. What a person uses by now stays and is no longer called demo."""
    company_id = row.company_id
    _delete(DncEntry, sa.and_(DncEntry.company_id == company_id, DncEntry.source == PROVIDER))
    _remove_lists(company_id)
    _remove_campaigns(company_id)
    left = _remove_users(company_id)
    user = db.session.get(User, row.requested_by_id) if row.requested_by_id else None
    record_event(
        "demo_removed",
        f"Demo data was removed: {row.done:,} leads",
        by=user,
        company_id=company_id,
        subject=row,
        users_left=left,
    )
    db.session.execute(sa.update(Company).where(Company.id == company_id).values(demo_loaded_at=None))
    step(row, message="The demo data is gone. What you added yourself is still here.", params={"finished": True})


def _remove_lists(company_id: int) -> None:
    lists = list(db.session.scalars(sa.select(LeadList.id).where(LeadList.company_id == company_id, LeadList.is_demo)))
    used = set(db.session.scalars(sa.select(Lead.list_id).where(Lead.list_id.in_(lists)).distinct()))
    db.session.execute(sa.update(LeadList).where(LeadList.id.in_(used)).values(is_demo=False))
    gone = [list_id for list_id in lists if list_id not in used]
    for model in (RecycleBatch, Repair):
        work = sa.select(model.batch_id).where(model.list_id.in_(gone))
        _delete(Undo, sa.and_(Undo.company_id == company_id, Undo.batch_id.in_(work)))
        _delete(model, model.list_id.in_(gone))
    db.session.execute(sa.update(Import).where(Import.list_id.in_(gone)).values(list_id=None))
    _delete(LeadList, LeadList.id.in_(gone))


def _remove_campaigns(company_id: int) -> None:
    campaigns = list(
        db.session.scalars(
            sa.select(DialCampaign.id).where(DialCampaign.company_id == company_id, DialCampaign.is_demo)
        )
    )
    used = set(
        db.session.scalars(
            sa.select(LeadList.dial_campaign_id).where(LeadList.dial_campaign_id.in_(campaigns)).distinct()
        )
    )
    db.session.execute(sa.update(DialCampaign).where(DialCampaign.id.in_(used)).values(is_demo=False))
    gone = [campaign_id for campaign_id in campaigns if campaign_id not in used]
    db.session.execute(
        sa.update(CallLog)
        .where(CallLog.company_id == company_id, CallLog.campaign_id.in_(gone))
        .values(campaign_id=None)
    )
    _delete(HopperEntry, HopperEntry.campaign_id.in_(gone))
    _delete(Repair, Repair.campaign_id.in_(gone))
    _delete(DialCampaign, DialCampaign.id.in_(gone))


def _remove_users(company_id: int) -> int:
    """A user whom something still names is deactivated instead; how many were."""
    left = 0
    for user_id in db.session.scalars(
        sa.select(User.id).where(
            User.company_id == company_id, User.preferences["demo"].as_boolean(), User.password_hash.is_(None)
        )
    ).all():
        try:
            with db.session.begin_nested():
                _delete(User, User.id == user_id)
        except IntegrityError:
            db.session.execute(sa.update(User).where(User.id == user_id).values(deactivated_at=db_now()))
            left += 1
    return left
