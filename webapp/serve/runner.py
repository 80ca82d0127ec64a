"""Runs the processes of an installation, restarts what dies, and leaves nothing behind.

Children are forks of this process, which has loaded the program once for all of them: that saves
most of the start's time and of the memory. So there is one thread here, and no connection.
"""

import ctypes
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import psutil
from honcho.colour import get_colours
from honcho.printer import Message, Printer

from webapp.serve.children import die_with_parent, wait_until

_PR_SET_CHILD_SUBREAPER = 36
NAME_LENGTH = 15  # of a process, as the kernel keeps it
TICK = 0.2  # seconds
WATCH_EVERY = 2.0  # seconds between two looks at the servers and at orphans
AGAIN_AFTER = 5.0  # seconds until a second request to stop, which ends the job in hand
KILL_AFTER = 8.0  # seconds until no more requests
FIRST_DELAY, LAST_DELAY, STEADY_AFTER = 0.5, 30.0, 60.0  # seconds, of restarts


@dataclass
class Child:
    """`main` runs in the fork; what it returns, an int or None, is the exit status."""

    name: str
    main: Callable[[], int | None]
    colour: str | None = None
    pid: int | None = None
    status: int | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    due_at: float | None = 0.0
    part: bytes = field(default=b"", repr=False)

    @property
    def running(self) -> bool:
        if self.pid is None or self.status is not None:
            return False
        found, status = os.waitpid(self.pid, os.WNOHANG)
        if found:
            self.status = os.waitstatus_to_exitcode(status)
        return not found


def fork(name: str, main: Callable[[], int | None], output: int, private: Sequence[int]) -> int:
    """A child that runs `main` with `output` for its output and without the `private` files; its pid."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    return pid or _become(name, main, output, private, parent)


def _become(name: str, main: Callable[[], int | None], output: int, private: Sequence[int], parent: int) -> NoReturn:
    status = 1
    try:
        os.setsid()
        die_with_parent(signal.SIGKILL, parent)
        signal.set_wakeup_fd(-1)
        for sig in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in {output, *private}:
            os.close(descriptor)
        if sys.platform == "linux":
            Path("/proc/self/comm").write_text(f"rebound-{name}"[:NAME_LENGTH])
        status = main() or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001  the last line of a forked process: say it, then go
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Runner:
    """`watch` is called every two seconds while all is well; `spare` names the pids it may not touch."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        watch: Callable[[], None] = lambda: None,
        spare: Callable[[], set[int]] = set,
    ) -> None:
        self.children = list(children)
        self.watch = watch
        self.spare = spare
        self.printer = Printer(sys.stdout, width=max(len(child.name) for child in children))
        self.selector = selectors.DefaultSelector()
        self.stop_requests = 0
        self._last_watch = 0.0
        self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for child, colour in zip(self.children, get_colours(), strict=False):
            child.colour = colour

    def say(self, text: str, *, name: str = "rebound", colour: str | None = None) -> None:
        line = Message(type="line", data=text, time=datetime.now().astimezone(), name=name, colour=colour)
        try:
            self.printer.write(line)
        except OSError:
            # Whoever read our output is gone: nothing can be said any more, so end in order.
            sys.stdout = self.printer.output = open(os.devnull, "w")  # noqa: SIM115  for the rest of the process
            self.stop_requests = max(1, self.stop_requests)

    def run(self, on_ready: Callable[[], bool] = lambda: True) -> None:
        """Until a SIGINT or SIGTERM has been followed. `on_ready` is asked until it says True."""
        adopt_orphans()
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        before = {sig: signal.signal(sig, self._stop) for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        self.selector.register(self._wakeup[0], selectors.EVENT_READ)
        announced = False
        try:
            while not self.stop_requests:
                self._start_due()
                self._relay(TICK)
                self._note_ended()
                announced = announced or bool(on_ready())
                self._watch_sometimes()
        finally:
            self._end_all()
            signal.set_wakeup_fd(-1)
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _stop(self, signum: int, frame: object) -> None:
        self.stop_requests += 1

    def _start_due(self) -> None:
        for child in self.children:
            if child.due_at is not None and time.monotonic() >= child.due_at:
                self._start(child)

    def _start(self, child: Child) -> None:
        reading, writing = os.pipe()
        others = [key.fd for key in self.selector.get_map().values()]
        private = [reading, self._wakeup[1], *others]
        child.pid, child.status = fork(child.name, child.main, writing, private), None
        os.close(writing)
        self.selector.register(reading, selectors.EVENT_READ, child)
        child.started_at, child.due_at = time.monotonic(), None

    def _relay(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(self._wakeup[0], 512)
                continue
            self._read(key.data, key.fd)

    def _read(self, child: Child, pipe: int) -> None:
        chunk = os.read(pipe, 65536)
        lines = (child.part + chunk).split(b"\n")
        child.part = lines.pop()
        if not chunk and child.part:
            lines.append(child.part)
            child.part = b""
        for line in lines:
            self.say(line.decode("utf-8", "replace"), name=child.name, colour=child.colour)
        if not chunk:
            self.selector.unregister(pipe)
            os.close(pipe)

    def _note_ended(self) -> None:
        for child in self.children:
            if child.pid is None or child.running:
                continue
            self._relay(0)  # its last words, one pipe full at most, before ours about it
            lived = time.monotonic() - child.started_at
            child.delay = FIRST_DELAY if lived > STEADY_AFTER else min(child.delay * 2, LAST_DELAY)
            self.say(f"{child.name} ended ({_describe(child.status)}); starting it again in {child.delay:.0f} s")
            child.pid, child.due_at = None, time.monotonic() + child.delay

    def _watch_sometimes(self) -> None:
        if time.monotonic() - self._last_watch < WATCH_EVERY:
            return
        self._last_watch = time.monotonic()
        self.watch()
        self._bury_orphans()

    def _known(self) -> set[int]:
        return {child.pid for child in self.children if child.pid} | self.spare()

    def _bury_orphans(self) -> None:
        known = self._known()
        for process in psutil.Process().children():
            with suppress(psutil.NoSuchProcess, ChildProcessError):
                if process.pid not in known and process.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(process.pid, os.WNOHANG)

    def _end_all(self) -> None:
        """First a request, later a second one, then no more asking; two stop requests skip to that."""
        began = time.monotonic()
        hurried = self.stop_requests
        asked = 0
        self.say("stopping")
        while any(child.running for child in self.children):
            waited = time.monotonic() - began
            if waited > KILL_AFTER or self.stop_requests > max(1, hurried):
                break
            if asked == 0 or (asked == 1 and waited > AGAIN_AFTER):
                asked += 1
                self._send(signal.SIGTERM)
            self._relay(0.05)
        self._send(signal.SIGKILL)
        self._end_strays()
        wait_until(lambda: not any(child.running for child in self.children), 10)

    def _send(self, sig: signal.Signals) -> None:
        for child in self.children:
            if child.running and child.pid is not None:
                os.kill(child.pid, sig)

    def _end_strays(self) -> None:
        """What a child left running, a browser perhaps, was handed to us: end that too."""
        spared = self.spare()
        for process in psutil.Process().children():
            if process.pid in spared:
                continue
            with suppress(psutil.NoSuchProcess):
                family = [*process.children(recursive=True), process]
                for member in family:
                    with suppress(psutil.NoSuchProcess):
                        member.kill()
        mine = {child.pid for child in self.children}
        for process in psutil.Process().children():
            if process.pid not in spared | mine:
                with suppress(psutil.TimeoutExpired):
                    process.wait(2)


def adopt_orphans() -> None:
    """On Linux, processes whose parent died become ours instead of process 1's."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _describe(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"status {status}"
