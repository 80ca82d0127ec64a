"""Whose API key is this? Asked once for each call of the JSON API."""

from __future__ import annotations

import re

import sqlalchemy as sa

from webapp.accounts.models import ApiKey
from webapp.accounts.tokens import hash_token
from webapp.core.clock import db_now
from webapp.core.db import atomic, db

LOOKS = re.compile(r"rb_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


def find_key(token: str) -> ApiKey | None:
    """The key that is not revoked. Its hash is looked up, so time tells nothing about the secret.

    `last_used_at` moves at most once a minute; that write is committed here.
    """
    if not LOOKS.fullmatch(token):
        return None
    stale = sa.func.coalesce(ApiKey.last_used_at <= db_now() - sa.cast("1 minute", sa.Interval), sa.true())
    found = db.session.execute(
        sa.select(ApiKey, stale).where(ApiKey.token_hash == hash_token(token), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if found is None:
        return None
    row: ApiKey = found[0]
    if found[1]:
        _mark_used(row)
    return row


@atomic
def _mark_used(row: ApiKey) -> None:
    db.session.execute(sa.update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=db_now()))
