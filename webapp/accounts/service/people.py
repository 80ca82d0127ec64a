"""Who belongs to a company and as what: invitations, roles, leaving and coming back."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from webapp.accounts import queries
from webapp.accounts.models import Invitation, User
from webapp.accounts.service import Refused, claim_email, lock_company, sessions
from webapp.accounts.tokens import hash_token, new_token
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import take_once

INVITATION_DAYS = 7
ADMIN_RESET_HOURS, MAILED_RESET_HOURS = 24, 1
ROLE_LABELS = {"rep": "Rep", "manager": "Manager", "admin": "Admin"}


@atomic
def invite(email: str, role: str, *, form_token: str, by: User) -> str | None:
    """The token of a new invitation, to be shown once; None when this form was sent before.

    An older invitation to the same address is withdrawn. Raises Refused for one of the team.
    """
    if take_once(by.company_id, "invite", form_token) is not None:
        return None
    lock_company(by.company_id)
    member = queries.find_user_by_email(email)
    # An account in another company stays that company's secret: its owner learns it when accepting.
    if member is not None and member.company_id == by.company_id:
        raise Refused(f"{member.name} is in the team already.", "email")
    db.session.execute(
        sa.update(Invitation)
        .where(
            Invitation.company_id == by.company_id, Invitation.purpose == "invite", Invitation.email == email,
            Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None),
        )
        .values(revoked_at=db_now())
    )  # fmt: skip
    token = new_token()
    row = Invitation(
        company_id=by.company_id, email=email, role=role, token_hash=hash_token(token), invited_by_id=by.id,
        expires_at=db_now() + timedelta(days=INVITATION_DAYS),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    record_event("user_invited", f"Invited {email} as {role}", by=by, subject=row, email=email, role=role)
    return token


@atomic
def revoke_invitation(row: Invitation, *, by: User) -> bool:
    """False when it was accepted, withdrawn before."""
    ended = db.session.execute(
        sa.update(Invitation)
        .where(Invitation.id == row.id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
        .values(revoked_at=db_now())
    )
    if ended.rowcount != 1:  # type: ignore[attr-defined]
        return False
    record_event("invitation_revoked", f"Withdrew the invitation of {row.email}", by=by, subject=row, email=row.email)
    return True


@atomic
def accept(token: str, name: str, password_hash: str) -> User | None:
    """The new user; None when the invitation is no longer open. Raises Refused when the address has an account."""
    row = queries.find_open_invitation(token, "invite", lock=True)
    if row is None:
        return None
    claim_email(row.email, message="This email address has an account already: sign in with it.")
    user = User(
        company_id=row.company_id, email=row.email, name=name, role=row.role, password_hash=password_hash,
        password_changed_at=db_now(),
    )  # fmt: skip
    db.session.add(user)
    row.accepted_at = db_now()
    db.session.flush()
    row.user_id = user.id
    record_event("user_joined", f"{name} joined as {row.role}", by=user, subject=user, invitation_id=row.id)
    db.session.flush()
    db.session.refresh(user)
    return user


@atomic
def make_reset_link(user: User, *, by: User | None) -> str:
    """The token of a link to a new password. Older links of this user end. `by` None: the user asked by mail."""
    _end_links(user)
    token = new_token()
    row = Invitation(
        company_id=user.company_id, purpose="reset", email=user.email, role=user.role, user_id=user.id,
        token_hash=hash_token(token), invited_by_id=by.id if by else None,
        expires_at=db_now() + timedelta(hours=ADMIN_RESET_HOURS if by else MAILED_RESET_HOURS),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    what = f"Made a reset link for {user.name}" if by else f"A reset link was mailed to {user.name}"
    record_event("reset_link_created", what, by=by, company_id=user.company_id, subject=user)
    return token


@atomic
def reset_password(token: str, password_hash: str) -> User | None:
    """Set the password and end every session; None when the link is no longer good."""
    row = queries.find_open_invitation(token, "reset", lock=True)
    user = find_owned(User, row.user_id or 0, row.company_id, lock=True) if row else None
    if row is None or user is None or not user.is_active:
        return None
    row.accepted_at = db_now()
    _set_password(user, password_hash)
    record_event("password_changed", f"{user.name} chose a new password by link", by=user, subject=user)
    return user


@atomic
def change_password(user: User, password_hash: str, *, by: User | None) -> None:
    """Every session ends, also the one in hand: the view opens a new one."""
    _set_password(user, password_hash)
    what = f"{user.name} changed the password" if by else f"The password of {user.name} was set on the server"
    record_event("password_changed", what, by=by, company_id=user.company_id, subject=user)


@atomic
def change_role(user: User, role: str, *, by: User) -> bool:
    """False when it is that already. Raises Refused for the last admin."""
    user = _locked(user)
    if user.role == role:
        return False
    if user.role == "admin":
        _keep_an_admin(user, "change the role of")
    old, user.role = user.role, role
    record_event(
        "user_role_changed", f"{user.name} is now {role}, was {old}", by=by, subject=user, before=old, after=role
    )
    return True


@atomic
def deactivate(user: User, *, by: User) -> bool:
    """Sessions and open links end at once. Raises Refused for oneself and for the last admin."""
    if user.id == by.id:
        raise Refused("You cannot deactivate yourself. Ask another admin.")
    user = _locked(user)
    if user.deactivated_at is not None:
        return False
    if user.role == "admin":
        _keep_an_admin(user, "deactivate")
    db.session.execute(sa.update(User).where(User.id == user.id).values(deactivated_at=db_now()))
    db.session.refresh(user)
    sessions.end_all(user)
    _end_links(user)
    record_event("user_deactivated", f"Deactivated {user.name}", by=by, subject=user)
    return True


@atomic
def reactivate(user: User, *, by: User) -> bool:
    user = _locked(user)
    if user.deactivated_at is None:
        return False
    user.deactivated_at = None
    record_event("user_reactivated", f"Reactivated {user.name}", by=by, subject=user)
    return True


def _locked(user: User) -> User:
    lock_company(user.company_id)
    db.session.refresh(user)
    return user


def _keep_an_admin(user: User, what: str) -> None:
    others = sa.select(sa.func.count()).where(
        User.company_id == user.company_id, User.role == "admin", User.deactivated_at.is_(None), User.id != user.id
    )
    if user.is_active and not db.session.scalar(others):
        raise Refused(f"You cannot {what} the last admin. Make somebody else an admin first.", "role")


def _set_password(user: User, password_hash: str) -> None:
    db.session.execute(
        sa.update(User).where(User.id == user.id).values(password_hash=password_hash, password_changed_at=db_now())
    )
    db.session.refresh(user)
    sessions.end_all(user)
    _end_links(user)


def _end_links(user: User) -> None:
    db.session.execute(
        sa.update(Invitation)
        .where(
            Invitation.user_id == user.id, Invitation.purpose == "reset", Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .values(revoked_at=db_now())
    )  # fmt: skip
