"""Jobs for tests of the worker; each takes the text that the test gave it."""

import os
import signal
from pathlib import Path

import sqlalchemy as sa

from jobs.runtime import get_app
from webapp.core.db import db


def note_connection(path: str) -> None:
    """Writes which server process answers this work horse, and the horse's own number."""
    with get_app().app_context():
        backend = db.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    with Path(path).open("a") as note:
        note.write(f"{os.getpid()} {backend}\n")


def hold(path: str) -> None:
    """Says who it is and stays until it is ended."""
    Path(path).write_text(str(os.getpid()))
    signal.pause()


def swallow_memory(path: str) -> None:
    """Writes how it ended when it asked for more than a job may have."""
    try:
        held = bytearray(3 << 30)
        held[-1] = 1
    except MemoryError:
        Path(path).write_text("refused")


def fail(text: str) -> None:
    raise ValueError(text)
