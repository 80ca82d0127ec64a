"""What every job runs in: an app, a log context with the job's id, and no trace of the one before."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module

import structlog
from flask import Flask, has_app_context
from rq import get_current_job

from webapp.core.db import db

log = structlog.get_logger(__name__)


def get_app() -> Flask:
    """The process's one app, as the web's."""
    app: Flask = import_module("wsgi").app
    return app


def job(fn: Callable[[int], object]) -> Callable[[int], None]:
    """A job takes a row's id and gives nothing back: what there is to know is on the row."""

    @wraps(fn)
    def run(row_id: int) -> None:
        current = get_current_job()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(job_id=current.id if current else f"{fn.__name__}-{row_id}")
        if has_app_context():  # tests run jobs inside their own app
            fn(row_id)
            return
        with get_app().app_context():
            try:
                log.info("job_started", operation=fn.__name__, row_id=row_id)
                fn(row_id)
                log.info("job_finished", operation=fn.__name__, row_id=row_id)
            finally:
                db.session.remove()

    return run
