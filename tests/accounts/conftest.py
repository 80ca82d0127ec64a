"""Local to these tests: moving the database's clock, and reading what happened."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user, sign_in
from webapp.core.audit import AuditEvent


@pytest.fixture
def travel(db: Any) -> Iterator[Callable[..., None]]:
    """`travel(hours=2)`: from then on each transaction sees the time that much later than it is now."""
    start, at = datetime.now(UTC), []

    def begin(connection: sa.Connection) -> None:
        if at:
            connection.exec_driver_sql("SELECT set_config('rebound.now', %s, true)", (at[-1].isoformat(),))

    sa.event.listen(db.engine, "begin", begin)

    def go(**how_far: float) -> None:
        db.session.commit()
        at.append(start + timedelta(**how_far))

    yield go
    db.session.rollback()
    sa.event.remove(db.engine, "begin", begin)


@pytest.fixture
def kinds(db: Any) -> Callable[[], list[str]]:
    """The kinds of all audit events, oldest first."""
    return lambda: list(db.session.scalars(sa.select(AuditEvent.kind).order_by(AuditEvent.id)))


@pytest.fixture
def admin(db: Any) -> Any:
    return make_user(make_company("Acme"), name="Ana Admin", email="ana@example.com")


@pytest.fixture
def as_admin(client: Any, admin: Any) -> Any:
    return sign_in(client, admin)


@pytest.fixture
def new_client(app: Any, db: Any) -> Callable[[], Any]:
    """Another browser."""
    return app.test_client
