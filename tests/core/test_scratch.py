"""Folders of jobs: gone with the job, or by the schedule when the job was killed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from webapp.core.scratch import PREFIX, STALE, remove_stale_folders, scratch_folder


def test_a_folder_goes_with_its_job() -> None:
    with scratch_folder("export") as folder:
        (folder / "half.csv").write_text("a")
    assert not folder.exists()


def test_what_a_killed_job_left_goes_once_no_job_can_still_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, live, foreign = tmp_path / f"{PREFIX}old", tmp_path / f"{PREFIX}live", tmp_path / "somebody-else"
    for folder in (old, live, foreign):
        folder.mkdir()
        (folder / "file").write_text("a")
    long_ago = time.time() - STALE.total_seconds() - 60
    for folder in (old, foreign):
        os.utime(folder, (long_ago, long_ago))
    assert remove_stale_folders() == 1
    assert (old.exists(), live.exists(), foreign.exists()) == (False, True, True)
