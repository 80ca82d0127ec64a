"""deploy/ holds units that systemd accepts and a gunicorn configuration that serves."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.workers import environment
from webapp.config import ROOT, Settings
from webapp.core.queue import QUEUES
from webapp.serve.children import alive, tied, wait_until

UNITS = sorted(path.name for path in (ROOT / "deploy").glob("*.service"))


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    for name in UNITS:
        text = (ROOT / "deploy" / name).read_text().replace("/opt/rebound/.venv/bin/python", "/bin/true")
        (tmp_path / name).write_text(text)
    if verify is None:
        # Without systemd there is no judge: at least every line is one that a unit may hold.
        lines = "\n".join((tmp_path / name).read_text() for name in map(str, tmp_path.iterdir())).splitlines()
        assert all(re.fullmatch(r"|#.*|\[\w+\]|[A-Z]\w+=.*", line) for line in lines)
        return
    result = subprocess.run(
        [verify, "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    ours = [line for line in result.stderr.splitlines() if "rebound" in line]
    assert (result.returncode, ours) == (0, [])


def test_the_units_name_programs_and_queues_that_exist() -> None:
    text = "".join((ROOT / "deploy" / name).read_text() for name in UNITS)
    named = re.findall(r"rebound-worker@([\w:]+)", text)
    assert sorted(queue for instance in named for queue in instance.split(":")) == sorted(QUEUES)
    for module in re.findall(r"-m (jobs\.\w+)", text):
        assert (ROOT / (module.replace(".", "/") + ".py")).exists(), module


def test_the_example_settings_are_ones_the_program_knows() -> None:
    lines = (ROOT / "deploy" / "rebound.env.example").read_text().splitlines()
    given = dict(line.lstrip("# ").split("=", 1) for line in lines if re.match(r"(# )?[A-Z_]+=", line))
    assert {name.lower() for name in given} <= set(Settings.model_fields)
    Settings.from_env(given)


def test_gunicorn_serves_the_program_and_leaves_nothing_behind(settings: Settings, clean: None) -> None:
    """That its workers end with a killed one, tests/platform/test_runner.py shows on an installation."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/healthz"
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "webapp/serve/gunicorn_conf.py"],
            cwd=ROOT,
            env=environment(settings) | {"BIND": f"fd://{listener.fileno()}"},
            pass_fds=[listener.fileno()],
            preexec_fn=tied(signal.SIGKILL),
        )
        workers: list[int] = []
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                assert response.status == 200
            assert wait_until(lambda: len(_children(server.pid)) == 2, 10)
            workers = _children(server.pid)
        finally:
            server.terminate()
            server.wait(15)
        assert wait_until(lambda: not any(map(alive, workers)), 5)


def _children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def test_the_bootstrap_does_nothing_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    script: Callable[[], subprocess.CompletedProcess[str]] = lambda: subprocess.run(  # noqa: E731
        ["bash", "-x", "deploy/bootstrap.sh", "dev"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    script()
    again = script()
    assert again.returncode == 0
    assert "pip install" not in again.stderr
    assert "apt-get" not in again.stderr
