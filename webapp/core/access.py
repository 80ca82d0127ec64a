"""The company wall and the roles. Every row a page or an API call names is fetched through here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from flask import abort
from flask_login import current_user

from webapp.core.db import db

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M")

ROLES = ("rep", "manager", "admin")
MAX_ID = 2**63 - 1


def owned(model: type[M], company_id: int) -> sa.Select[M]:
    """SELECT of the company's own rows: the start of every query over a feature's table."""
    return sa.select(model).where(model.company_id == company_id)  # type: ignore[attr-defined]


def find_owned(model: type[M], row_id: int, company_id: int, *, lock: bool = False) -> M | None:
    if not 0 < row_id <= MAX_ID:
        return None
    query = owned(model, company_id).where(model.id == row_id)  # type: ignore[attr-defined]
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


def get_owned_or_404(model: type[M], row_id: int, company_id: int) -> M:
    """The row, or the same 404 for an unknown id and for another company's."""
    row = find_owned(model, row_id, company_id)
    if row is None:
        abort(404)
    return row


def role_at_least(role: str, wanted: str) -> bool:
    return ROLES.index(role) >= ROLES.index(wanted)


def requires(role: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Views for signed-in users of at least this role; others get 403, visitors the login page."""

    def wrap(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_user.is_authenticated:
                abort(401)
            if not role_at_least(current_user.role, role):
                abort(403)
            return view(*args, **kwargs)

        run.required_role = role  # type: ignore[attr-defined]
        return run

    return wrap


def check_role(user: Any, wanted: str) -> None:
    if not role_at_least(user.role, wanted):
        abort(403)
