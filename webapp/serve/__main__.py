"""`python -m webapp.serve`: everything an installation on one machine needs, in one command.

`python -m webapp.serve flask ...` runs a command of the program with the same settings and servers,
beside a running installation or alone: `python -m webapp.serve flask backup rebound.tar`.
"""

import fcntl
import gc
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TextIO

from webapp.core.chromium import find_chromium
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis, ServerFailed
from webapp.serve.runner import Child, Runner, fork

ROOT = Path(__file__).resolve().parent.parent.parent
PORTS_TO_TRY = 50


class Stop(SystemExit):
    """The start cannot go on; the text says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    if arguments:
        return command(arguments)
    began = time.monotonic()
    os.chdir(ROOT)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    var = Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
    var.mkdir(parents=True, exist_ok=True)
    lock = only_one(var)
    environment = os.environ
    environment["VAR_DIR"] = str(var)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # until the runner listens: end in order
    postgres, queue = start_servers(var, environment)
    try:
        environment.setdefault("SECRET_KEY", secret_key(var / "secret_key"))
        environment["CHROMIUM_PATH"] = find_chromium(environment.get("CHROMIUM_PATH", "")) or ""
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(empty_folder(var / "metrics"))
        environment.setdefault("GRACEFUL_TIMEOUT", "4")
        listener = listen(environment.get("BIND_HOST", "127.0.0.1"), int(environment.get("PORT", "8000")))
        address = "http://{}:{}".format(*listener.getsockname()[:2])
        environment.setdefault("BASE_URL", address)
        environment["BIND"] = f"fd://{listener.fileno()}"
        note_address(lock, address)
        load_program()
        migrate()
        runner = Runner(
            processes(),
            watch=lambda: keep_up(runner, postgres, queue),
            spare=lambda: {server.pid for server in (postgres, queue) if server and server.pid},
        )
        runner.run(on_ready=lambda: announce(runner, address, began))
    except KeyboardInterrupt:
        print("Stopped before it was ready.")
        return 130
    finally:
        stop_servers(postgres, queue)
    print("Rebound has stopped.")
    return 0


def command(arguments: Sequence[str]) -> int:
    """Run `flask ...` against this folder's servers; they go on if they ran before."""
    if arguments[0] != "flask":
        raise Stop("Usage: python -m webapp.serve [flask COMMAND ...]")
    var = Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
    var.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ) | {"VAR_DIR": str(var)}
    environment.setdefault("SECRET_KEY", secret_key(var / "secret_key"))
    environment["FLASK_APP"] = str(ROOT / "wsgi.py")
    try:
        lock: TextIO | None = only_one(var)
    except Stop:
        lock = None  # it runs: its servers are there, and they are not ours to stop
    postgres, queue = start_servers(var, environment)
    try:
        flask = [sys.executable, "-m", "flask", *arguments[1:]]
        return subprocess.run(flask, env=environment, check=False).returncode
    finally:
        if lock is not None:
            stop_servers(postgres, queue)
            lock.close()


def stop_servers(postgres: EmbeddedPostgres | None, queue: EmbeddedRedis | None) -> None:
    if queue:
        queue.stop()
    if postgres:
        postgres.stop()


def only_one(var: Path) -> TextIO:
    """The lock of this folder's installation, for as long as the file stays open."""
    lock = (var / "run.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise Stop(f"Rebound already runs from {var}: {lock.read().strip() or 'it is starting'}") from None
    lock.truncate(0)
    return lock


def note_address(lock: TextIO, address: str) -> None:
    lock.truncate(0)
    lock.write(address + "\n")
    lock.flush()


def start_servers(
    var: Path, environment: MutableMapping[str, str]
) -> tuple[EmbeddedPostgres | None, EmbeddedRedis | None]:
    postgres = None if environment.get("DATABASE_URL") else EmbeddedPostgres(var / "pg")
    queue = None if environment.get("REDIS_URL") else EmbeddedRedis(var / "redis")
    try:
        if postgres:
            environment["DATABASE_URL"] = postgres.start()
        if queue:
            environment["REDIS_URL"] = queue.start()
    except ServerFailed as error:
        if postgres:
            postgres.stop()
        raise Stop(str(error)) from None
    return postgres, queue


def keep_up(runner: Runner, postgres: EmbeddedPostgres | None, queue: EmbeddedRedis | None) -> None:
    """Start an embedded server again that has died; the program rides over the gap."""
    for name, server in (("PostgreSQL", postgres), ("Redis", queue)):
        if server and server.pid is None:
            runner.say(f"{name} has died; starting it again")
            try:
                server.start()
            except ServerFailed as error:
                runner.say(f"{name} does not start, next try soon: {error}")


def secret_key(path: Path) -> str:
    """Made on the first start and kept, so that sessions outlive a restart."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(key := secrets.token_urlsafe(48))
    return key


def empty_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def load_program() -> None:
    """Import all of it, once for every child. No connection is made: they could not share one."""
    import_module("wsgi")
    import_module("jobs.worker").load_jobs()
    import_module("jobs.runtime").get_app()
    gc.collect()
    gc.freeze()  # what is loaded stays shared memory: no child's collector writes to it


def migrate() -> None:
    """In a fork, because it connects."""
    reading, writing = os.pipe()
    pid = fork("migrate", _upgrade, writing, [reading])
    os.close(writing)
    with os.fdopen(reading, errors="replace") as output:
        said = output.read()
    if os.waitpid(pid, 0)[1] != 0:
        raise Stop(f"The database could not be brought up to date:\n{said.strip()}")


def _upgrade() -> None:
    from flask_migrate import upgrade

    from wsgi import app

    with app.app_context():
        upgrade()


def listen(host: str, port: int) -> socket.socket:
    """A socket on the wanted port, or on the next free one. Held here, it outlives web restarts."""
    for candidate in range(port, port + PORTS_TO_TRY):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(512)
        except OSError:
            listener.close()
            continue
        listener.set_inheritable(True)
        return listener
    raise Stop(f"No port from {port} to {port + PORTS_TO_TRY - 1} is free on {host}.")


def processes() -> list[Child]:
    return [
        Child("web", serve_web),
        Child("worker", lambda: main_of("jobs.worker")(["interactive", "default"])),
        Child("exports", lambda: main_of("jobs.worker")(["exports"])),
        Child("browser", lambda: main_of("jobs.worker")(["browser"])),
        Child("browser-2", lambda: main_of("jobs.worker")(["browser"])),
        Child("scheduler", lambda: main_of("jobs.schedule")()),
    ]


def main_of(module: str) -> Callable[..., int | None]:
    """By its dotted path: webapp does not import jobs."""
    main: Callable[..., int | None] = import_module(module).main
    return main


def serve_web() -> None:
    from gunicorn.app.wsgiapp import run

    sys.argv = ["gunicorn", "-c", "webapp/serve/gunicorn_conf.py"]
    run(prog="gunicorn")


def announce(runner: Runner, address: str, began: float) -> bool:
    """Print where to go once the web answers; False while it does not."""
    if ask(address, "/healthz") is None:  # with TRUSTED_HOSTS the answer to us is 400, and is one
        return False
    runner.say(f"Rebound is ready after {time.monotonic() - began:.1f} s: {address}")
    if ask(address, "/setup") == 200:
        runner.say(f"First time here: open {address}/setup to create the first admin; demo data is offered there.")
    runner.say("Ctrl-C stops everything.")
    return True


def ask(address: str, path: str) -> int | None:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
