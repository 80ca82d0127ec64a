"""Reads over people, sessions, invitations and keys."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from webapp.accounts.models import ApiKey, AuthSession, Company, Invitation, User
from webapp.accounts.tokens import hash_token
from webapp.core.clock import db_now
from webapp.core.db import db


def any_company() -> bool:
    return bool(db.session.scalar(sa.select(sa.exists().where(Company.id > 0))))


def get_company(company_id: int) -> Company:
    return db.session.get_one(Company, company_id)


def find_user_by_email(email: str) -> User | None:
    if "\x00" in email:
        return None
    return db.session.scalars(sa.select(User).where(sa.func.lower(User.email) == email.lower())).one_or_none()


def find_live_session(token: str) -> tuple[AuthSession, bool] | None:
    """The session of this token, when neither it has ended nor its user has been deactivated, and
    whether it was last seen a minute ago or more."""
    now = db_now()
    row = db.session.execute(
        sa.select(AuthSession, AuthSession.last_seen_at <= now - sa.cast("1 minute", sa.Interval))
        .join(AuthSession.user)
        .options(contains_eager(AuthSession.user))
        .where(
            AuthSession.token_hash == hash_token(token),
            AuthSession.ended_at.is_(None),
            AuthSession.expires_at > now,
            User.deactivated_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (row[0], bool(row[1]))


def list_live_sessions(user: User) -> list[AuthSession]:
    query = (
        sa.select(AuthSession)
        .where(AuthSession.user_id == user.id, AuthSession.ended_at.is_(None), AuthSession.expires_at > db_now())
        .order_by(AuthSession.last_seen_at.desc(), AuthSession.id.desc())
    )
    return list(db.session.scalars(query))


def find_own_session(user: User, session_id: int) -> AuthSession | None:
    return next((row for row in list_live_sessions(user) if row.id == session_id), None)


def find_open_invitation(token: str, purpose: str, *, lock: bool = False) -> Invitation | None:
    query = sa.select(Invitation).where(
        Invitation.token_hash == hash_token(token),
        Invitation.purpose == purpose,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > db_now(),
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


def list_users(company_id: int) -> list[User]:
    query = sa.select(User).where(User.company_id == company_id)
    return list(db.session.scalars(query.order_by(User.deactivated_at.is_not(None), sa.func.lower(User.name), User.id)))


def list_open_invitations(company_id: int) -> list[Invitation]:
    query = sa.select(Invitation).where(
        Invitation.company_id == company_id,
        Invitation.purpose == "invite",
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
    return list(db.session.scalars(query.order_by(Invitation.id.desc()).limit(200)))


def list_keys(company_id: int) -> list[ApiKey]:
    query = sa.select(ApiKey).where(ApiKey.company_id == company_id)
    return list(db.session.scalars(query.order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc()).limit(200)))


def name_users(company_id: int, ids: set[int]) -> dict[int, str]:
    query = sa.select(User.id, User.name).where(User.company_id == company_id, User.id.in_(ids))
    return {row.id: row.name for row in db.session.execute(query)}
