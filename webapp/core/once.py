"""Twice is once: a form token or an Idempotency-Key names one effect and keeps its answer."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Row, company_id_column, db


class IdempotencyKey(Row, db.Model):
    """`request_hash` tells a repeat from a misuse of the key; `status` and `body` are the stored answer."""

    __tablename__ = "idempotency_keys"

    company_id: Mapped[int] = company_id_column(index=False)
    scope: Mapped[str]
    key: Mapped[str]
    request_hash: Mapped[str] = mapped_column(server_default="", default="")
    status: Mapped[int | None] = mapped_column(sa.Integer)
    body: Mapped[dict[str, Any] | None]

    __table_args__ = (sa.UniqueConstraint("company_id", "scope", "key"),)


def new_form_token() -> str:
    return secrets.token_urlsafe(16)


def hash_request(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def take_once(company_id: int, scope: str, key: str, request_hash: str = "") -> IdempotencyKey | None:
    """Insert the key in the transaction in hand: None when this is the first time, else the row there is.

    A second caller waits for the first one's transaction, so call it before the effect.
    """
    got = db.session.execute(
        insert(IdempotencyKey)
        .values(company_id=company_id, scope=scope, key=key, request_hash=request_hash)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.id)
    ).scalar()
    if got is not None:
        return None
    return db.session.scalars(
        sa.select(IdempotencyKey).where(
            IdempotencyKey.company_id == company_id, IdempotencyKey.scope == scope, IdempotencyKey.key == key
        )
    ).one()


def keep_answer(company_id: int, scope: str, key: str, status: int, body: dict[str, Any]) -> None:
    db.session.execute(
        sa.update(IdempotencyKey)
        .where(IdempotencyKey.company_id == company_id, IdempotencyKey.scope == scope, IdempotencyKey.key == key)
        .values(status=status, body=body)
    )
