"""The company itself, a user's own settings, and API keys."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from webapp.accounts import queries
from webapp.accounts.models import ApiKey, Company, User
from webapp.accounts.service import claim_email, lock_company
from webapp.accounts.tokens import hash_token, new_token
from webapp.core.audit import record_event
from webapp.core.clock import db_now
from webapp.core.db import atomic, db
from webapp.core.once import take_once

SETUP_LOCK = 7_310_001  # advisory, held to the end of the transaction


@atomic
def create_workspace(
    *, company: str, zone: str, country: str, hours: dict[str, Any], name: str, email: str, password_hash: str,
    only_first: bool = True,
) -> User | None:  # fmt: skip
    """A company and its first admin. With `only_first`, None once any company exists, also in a race.

    Raises Refused when the email has an account.
    """
    if only_first:
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(SETUP_LOCK)))
        if queries.any_company():
            return None
    claim_email(email)
    made = Company(name=company, zone=zone, country=country, hours=hours)
    db.session.add(made)
    db.session.flush()
    return _add_admin(made, name, email, password_hash)


@atomic
def add_admin(company: Company, *, name: str, email: str, password_hash: str) -> User:
    """From the server's console. Raises Refused when the email has an account."""
    claim_email(email)
    return _add_admin(company, name, email, password_hash)


def _add_admin(company: Company, name: str, email: str, password_hash: str) -> User:
    user = User(
        company_id=company.id, email=email, name=name, role="admin", password_hash=password_hash,
        password_changed_at=db_now(),
    )  # fmt: skip
    db.session.add(user)
    db.session.flush()
    record_event("user_joined", f"{name} became an admin of {company.name}", by=user, subject=user)
    db.session.flush()
    db.session.refresh(user)
    return user


@atomic
def update_company(*, by: User, name: str, zone: str, country: str, hours: dict[str, Any]) -> list[str]:
    """The names of the settings that changed."""
    company = lock_company(by.company_id)
    return _change(company, {"name": name, "zone": zone, "country": country, "hours": hours}, "Company", by=by)


@atomic
def update_profile(*, by: User, name: str, email: str, zone: str | None, preferences: dict[str, bool]) -> list[str]:
    """The names of the settings that changed. Raises Refused when the email belongs to somebody else."""
    user = db.session.get_one(User, by.id, with_for_update={"of": User}, populate_existing=True)
    claim_email(email, but=user.id)
    values = {"name": name, "email": email, "zone": zone, "preferences": {**user.preferences, **preferences}}
    return _change(user, values, "Profile", by=by)


def _change(row: Company | User, values: dict[str, Any], what: str, *, by: User) -> list[str]:
    changes = {
        key: {"before": getattr(row, key), "after": new} for key, new in values.items() if getattr(row, key) != new
    }
    for key, new in values.items():
        setattr(row, key, new)
    if changes:
        words = ", ".join(changes)
        record_event("setting_changed", f"{what}: changed {words}", by=by, subject=row, changes=changes)
    return list(changes)


@atomic
def create_key(name: str, scopes: list[str], *, form_token: str, by: User) -> str | None:
    """The whole key, to be shown once; None when this form was sent before."""
    if take_once(by.company_id, "api-key", form_token) is not None:
        return None
    prefix = f"rb_{secrets.token_hex(4)}"
    token = f"{prefix}_{new_token()}"
    row = ApiKey(
        company_id=by.company_id, name=name, prefix=prefix, token_hash=hash_token(token), scopes=sorted(set(scopes)),
        created_by_id=by.id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    record_event("key_created", f"Created the API key {name}", by=by, subject=row, prefix=prefix, scopes=row.scopes)
    return token


@atomic
def revoke_key(row: ApiKey, *, by: User) -> bool:
    """False when it was revoked before."""
    ended = db.session.execute(
        sa.update(ApiKey).where(ApiKey.id == row.id, ApiKey.revoked_at.is_(None)).values(revoked_at=db_now())
    )
    if ended.rowcount != 1:  # type: ignore[attr-defined]
        return False
    record_event("key_revoked", f"Revoked the API key {row.name}", by=by, subject=row, prefix=row.prefix)
    return True
