"""`python -m webapp.serve` starts everything, keeps it running, and leaves nothing behind."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from webapp.config import ROOT
from webapp.serve.__main__ import PORTS_TO_TRY, Stop, listen, only_one, secret_key
from webapp.serve.children import alive, tied, wait_until
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis

PARTS = ("rebound-web", "rebound-worker", "rebound-exports", "rebound-browser", "rebound-schedul")


class Installation:
    """The whole program in a folder of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.log = var / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Installation":
        keep = ("PATH", "HOME", "LANG", "PYTHONPATH")
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webapp.serve"],
                cwd=ROOT,
                env=environment | {"VAR_DIR": str(self.var), "PORT": str(free_port())},
                stdout=log,
                stderr=log,
                preexec_fn=tied(signal.SIGKILL),
            )
        assert wait_until(lambda: "is ready after" in self.output() or self.process.poll() is not None, 90), (
            self.output()
        )
        assert self.process.poll() is None, self.output()
        return self

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def address(self) -> str:
        return re.findall(r"ready after [\d.]+ s: http://(\S+)", self.output())[-1]

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def one(self, part: str) -> psutil.Process:
        assert self.process is not None
        mine = psutil.Process(self.process.pid).children()
        return next(process for process in mine if name_of(process) == part)

    def status(self, path: str) -> int | None:
        """None while the web is on its way back."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (TimeoutError, http.client.RemoteDisconnected, ConnectionResetError):
            return None
        finally:
            connection.close()

    def stop(self, sig: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(sig)
        return self.process.wait(30)


def name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One for this module: its first start, with initdb and migrations, is the dear one."""
    var = Path(tempfile.mkdtemp(prefix="rebound-var-"))
    var.chmod(0o711)
    made = Installation(var)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop(signal.SIGTERM)
    EmbeddedPostgres(var / "pg").destroy()  # what a killed run left
    EmbeddedRedis(var / "redis").destroy()
    shutil.rmtree(var, ignore_errors=True)


@pytest.fixture
def running(installation: Installation) -> Installation:
    if installation.process is None or installation.process.poll() is not None:
        installation.start()
    return installation


def test_an_installation_starts_and_heals(running: Installation) -> None:
    assert running.status("/healthz") == 200
    assert wait_until(lambda: running.status("/readyz") == 200, 20)
    names = {name_of(process) for process in running.family()}
    assert set(PARTS) <= names

    # What dies comes back; the web's port stays ours meanwhile, so no request is refused.
    for parts in (("rebound-exports", "rebound-web", "rebound-schedul"), ("redis-server", "postgres")):
        victims = {part: running.one(part) for part in parts}
        for victim in victims.values():
            victim.kill()
        for part, victim in victims.items():
            assert wait_until(lambda part=part, victim=victim: is_back(running, part, victim.pid), 30), part  # type: ignore[misc]
    assert wait_until(lambda: running.status("/readyz") == 200, 60)


def test_a_second_start_says_where_the_first_one_is(running: Installation) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "webapp.serve"],
        cwd=ROOT, env=os.environ | {"VAR_DIR": str(running.var)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert running.address in second.stderr


def is_back(installation: Installation, part: str, before: int) -> bool:
    try:
        return installation.one(part).pid != before
    except StopIteration:
        return False


def test_a_killed_start_leaves_only_its_servers_and_the_next_takes_them_over_and_stops_without_a_trace(
    running: Installation,
) -> None:
    key = (running.var / "secret_key").read_text()
    servers = {name: running.one(name).pid for name in ("postgres", "redis-server")}
    spared = {process.pid for pid in servers.values() for process in psutil.Process(pid).children()} | set(
        servers.values()
    )
    others = [process for process in running.family() if process.pid not in spared]
    assert len(others) >= 6
    running.stop(signal.SIGKILL)
    assert wait_until(lambda: not any(alive(process.pid) for process in others), 10)
    assert all(map(alive, servers.values()))

    running.start()
    assert running.status("/healthz") == 200
    assert (running.var / "secret_key").read_text() == key
    family = running.family()
    assert running.stop(signal.SIGINT) == 0
    assert not any(map(alive, servers.values()))
    assert not [process for process in family if alive(process.pid)]
    assert "Rebound has stopped." in running.output()


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = secret_key(tmp_path / "key")
    assert len(made) >= 48
    assert secret_key(tmp_path / "key") == made
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


def test_the_next_free_port_is_taken() -> None:
    with listen("127.0.0.1", free_port()) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] <= port + PORTS_TO_TRY


def test_one_folder_holds_one_installation(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(Stop, match="already runs"):
        only_one(tmp_path)
    only_one(tmp_path).close()


CHILD = """
import signal, subprocess, sys, types
sys.modules["webapp"] = types.ModuleType("webapp")  # the runner alone: no second of loading the program
sys.modules["webapp"].__path__ = ["webapp"]
from webapp.serve.runner import Child, Runner

def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()

def fleeting():
    print("here")
    return 3

def leaves():
    subprocess.Popen(["sleep", "99"], start_new_session=True)
    print("left")

def breaks():
    raise ValueError("no paper")

runner = Runner([Child(name, globals()[name]) for name in sys.argv[1:]])
runner.run()
print("over and out", flush=True)
"""


def run_children(*names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *names],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=tied(signal.SIGKILL),
    )


def read_until(process: subprocess.Popen[str], text: str, times: int = 1) -> str:
    assert process.stdout is not None
    seen = ""
    while seen.count(text) < times:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    return seen


def test_a_child_that_keeps_ending_is_started_ever_more_seldom() -> None:
    with run_children("fleeting") as process:
        seen = read_until(process, "starting it again in", 2)
        assert seen.count("fleeting | here") == 2
        assert "fleeting ended (status 3); starting it again in 1 s" in seen
        assert "again in 2 s" in seen
        process.send_signal(signal.SIGTERM)


def test_a_child_that_fails_says_why() -> None:
    with run_children("breaks") as process:
        seen = read_until(process, "starting it again in")
        assert "ValueError: no paper" in seen
        assert "breaks ended (status 1)" in seen
        process.send_signal(signal.SIGTERM)


def test_a_second_request_ends_a_child_that_does_not_listen_at_once() -> None:
    with run_children("stubborn") as process:
        assert wait_until(lambda: ignores_sigterm(process.pid), 10)
        child = psutil.Process(process.pid).children()[0]
        process.send_signal(signal.SIGINT)
        read_until(process, "stopping")
        process.send_signal(signal.SIGINT)
        read_until(process, "over and out")
        assert not alive(child.pid)


def ignores_sigterm(parent: int) -> bool:
    children = psutil.Process(parent).children()
    if not children:
        return False
    ignored = re.findall(r"SigIgn:\s*(\w+)", Path(f"/proc/{children[0].pid}/status").read_text())
    return bool(int(ignored[0], 16) >> (signal.SIGTERM - 1) & 1)


def test_what_a_child_left_running_is_ended_too() -> None:
    with run_children("leaves") as process:
        read_until(process, "| left")
        assert wait_until(lambda: sleepers(process.pid) != [], 5)
        left = sleepers(process.pid)
        process.send_signal(signal.SIGTERM)
        read_until(process, "over and out")
        assert not [sleeper for sleeper in left if alive(sleeper)]


def sleepers(parent: int) -> list[int]:
    return [child.pid for child in psutil.Process(parent).children(recursive=True) if child.name() == "sleep"]


def test_losing_its_output_stops_a_runner_in_order() -> None:
    process = run_children("fleeting")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(15) == 0
