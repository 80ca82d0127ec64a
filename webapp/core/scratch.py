"""Folders for the length of one job. A killed job leaves its folder; the schedule removes it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

PREFIX = "rebound-job-"
STALE = timedelta(hours=6)  # longer than any job may run


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{name}-") as folder:
        yield Path(folder)


def remove_stale_folders() -> int:
    """Remove what killed jobs left behind; how many folders went."""
    before = time.time() - STALE.total_seconds()
    stale = [path for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if path.stat().st_mtime < before]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)
