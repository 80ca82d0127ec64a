"""A company's channels and a person's own copy: adding, changing, pausing, removing."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from webapp.accounts.hosts import list_allowed
from webapp.accounts.models import User
from webapp.accounts.service import Refused
from webapp.core.addresses import OutboundError, parse_url
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import take_once
from webapp.core.outbound import resolve_public
from webapp.core.queue import enqueue
from webapp.core.states import advance
from webapp.notifications.models import Channel, Delivery
from webapp.notifications.rules import STALE, mask_target
from webapp.notifications.states import DELIVERY

MOST = 50
KIND_LABELS = {"email": "Email", "slack": "Slack", "teams": "Teams", "webhook": "Webhook"}
LOOKUP = 5.0  # seconds that a form waits for the name of a host


def check_target(url: str, company_id: int) -> None:
    """Look the host of a new URL up. Raises Refused; call it with nothing written and not yet committed."""
    allowed = _read_allowed(company_id)
    try:
        target = parse_url(url)
        resolve_public(target.host, target.port, allowed=allowed, timeout=LOOKUP)
    except OutboundError as error:
        raise Refused(f"{error.reason}.", "target") from None


@atomic
def _read_allowed(company_id: int) -> tuple[str, ...]:
    """In a transaction that is over before anything is looked up."""
    return list_allowed(company_id)


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


@atomic
def add_channel(
    kind: str, name: str, target: str, alert_kinds: list[str] | None, *, form_token: str, by: User
) -> Channel | None:
    """None when this form was sent before. A webhook gets its secret here. Raises Refused when there are too many."""
    if take_once(by.company_id, "channel", form_token) is not None:
        return None
    shared = sa.and_(Channel.company_id == by.company_id, Channel.user_id.is_(None))
    if (db.session.scalar(sa.select(sa.func.count()).select_from(Channel).where(shared)) or 0) >= MOST:
        raise Refused(f"There are {MOST} channels already. Remove one first.")
    row = Channel(
        company_id=by.company_id, kind=kind, name=name, target=target, alert_kinds=alert_kinds, created_by_id=by.id,
        secret=new_secret() if kind == "webhook" else "",
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    _note(f"Added the {KIND_LABELS[kind]} channel {name}", row, by=by, target=mask_target(kind, target))
    return row


@atomic
def change_channel(row: Channel, name: str, target: str, alert_kinds: list[str] | None, *, by: User) -> list[str]:
    """The names of what changed. A new target starts with a clean slate."""
    old = {"name": row.name, "target": row.target, "alert_kinds": row.alert_kinds}
    new = {"name": name, "target": target, "alert_kinds": alert_kinds}
    changed = [key for key in new if new[key] != old[key]]
    if not changed:
        return []
    for key in changed:
        setattr(row, key, new[key])
    if "target" in changed:
        row.failures, row.failing_since, row.last_error, row.last_success_at = 0, None, "", None
        _release(row)
    shown = {key: mask_target(row.kind, target) if key == "target" else new[key] for key in changed}
    _note(f"Changed the channel {name}: {', '.join(changed).replace('_', ' ')}", row, by=by, **shown)
    return changed


@atomic
def pause_channel(row: Channel, *, active: bool, by: User) -> bool:
    """What waits when a channel is paused leaves when it is resumed, unless it is a day old by then."""
    if row.active == active:
        return False
    row.active = active
    if active:
        _release(row)
    _note(f"{'Resumed' if active else 'Paused'} the channel {row.name}", row, by=by)
    return True


@atomic
def remove_channel(row: Channel, *, by: User) -> None:
    """With all that waits for it; the alerts themselves stay in the inbox."""
    _note(f"Removed the channel {row.name}", row, by=by, target=mask_target(row.kind, row.target))
    db.session.flush()
    db.session.execute(sa.delete(Channel).where(Channel.id == row.id))


@atomic
def renew_secret(row: Channel, *, by: User) -> str:
    row.secret = new_secret()
    _note(f"Made a new signing secret for the channel {row.name}", row, by=by)
    return row.secret


@atomic
def send_again(row: Delivery, *, by: User) -> None:
    """Start a failed delivery anew, with all its tries. Raises MoveRefused for any other."""
    values = {"attempts": 0, "next_try_at": db_now(), "give_up_at": db_now() + STALE, "last_error": ""}
    advance(row, "queued", machine=DELIVERY, by=by.id, cause="user", ledger=False, values=values)
    enqueue("deliver", row.company_id, turn=row.notification_id)


@atomic
def set_own_copy(wanted: bool, alert_kinds: list[str] | None, *, by: User) -> bool:
    """Whether this person gets a copy of their own alerts by email, and of which kinds. False when nothing changed."""
    values = {"active": wanted, "alert_kinds": alert_kinds}
    row = db.session.scalars(sa.select(Channel).where(Channel.user_id == by.id).with_for_update()).one_or_none()
    if row is None and not wanted:
        return False
    if row is not None and (row.active, row.alert_kinds) == (wanted, alert_kinds):
        return False
    made = insert(Channel).values(
        company_id=by.company_id, user_id=by.id, kind="email", name="your email", created_by_id=by.id, **values
    )
    db.session.execute(
        made.on_conflict_do_update(
            index_elements=["user_id"], index_where=sa.text("user_id IS NOT NULL"), set_=values
        )
    )  # fmt: skip
    summary = "Gets a copy of alerts by email" if wanted else "No longer gets a copy of alerts by email"
    record_event("setting_changed", summary, by=by, subject=by, alert_kinds=alert_kinds)
    return True


def _release(row: Channel) -> None:
    waiting = sa.and_(Delivery.channel_id == row.id, Delivery.state == "queued")
    db.session.execute(sa.update(Delivery).where(waiting).values(next_try_at=db_now()))
    enqueue("deliver", row.company_id)


def _note(summary: str, row: Channel, *, by: User, **details: Any) -> None:
    record_event("setting_changed", summary, by=by, subject=row, channel_kind=row.kind, **details)
