"""Child processes that cannot outlive their parent, and waiting for them."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(sig: signal.Signals, parent: int) -> None:
    """Ask the kernel to send `sig` to this process when `parent`'s forking thread ends.

    Only Linux can do it; elsewhere it does nothing. Call it in the child. `parent` closes the gap
    between the fork and this call.
    """
    if _LIBC is None:
        return
    if _LIBC.prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(0)


def tied(sig: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` which ties the child to the process that calls `tied`."""
    parent = os.getpid()
    return lambda: die_with_parent(sig, parent)


def alive(pid: int) -> bool:
    """A zombie is not alive: it holds nothing and answers nothing."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Poll `ready` until it is true or `seconds` have passed; tells which."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True


def end(pid: int, sig: signal.Signals, seconds: float) -> bool:
    """Send `sig` and wait; False when the process is still there after `seconds`."""
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return True
    return wait_until(lambda: _gone(pid), seconds)


def _gone(pid: int) -> bool:
    with suppress(ChildProcessError):  # not our child: whoever is its parent reaps it
        os.waitpid(pid, os.WNOHANG)
    return not alive(pid)
