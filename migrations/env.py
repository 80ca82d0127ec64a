"""Alembic's environment: the app's own engine, metadata and log."""

from __future__ import annotations

import logging

from alembic import context
from flask import current_app

log = logging.getLogger("alembic.env")
database = current_app.extensions["migrate"].db


def drop_empty(_context: object, _revision: object, directives: list) -> None:
    """`flask db migrate` makes no file when nothing has changed."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        log.info("No changes in schema detected.")


if context.is_offline_mode():
    raise SystemExit("Rebound migrates a database that it can reach; there is no offline mode.")
with database.engine.connect() as connection:
    arguments = {"process_revision_directives": drop_empty} | current_app.extensions["migrate"].configure_args
    context.configure(connection=connection, target_metadata=database.metadata, **arguments)
    with context.begin_transaction():
        context.run_migrations()
