"""Child processes that do not outlive their parent, free TCP ports, and the error all of `local` raises."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Loaded here because code between fork and exec must not import or allocate more than it has to.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class LocalError(Exception):
    """A problem on this machine, with a message of one line for a person."""


def die_with(parent: int, death_signal: int = signal.SIGKILL) -> None:
    """Ask the kernel to signal this process when `parent` dies, and exit at once if it has.

    The signal comes when the *thread* that forked this process ends, so parents start children from
    their main thread. On other systems than Linux this does nothing, and children outlive a parent
    that is killed.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def dying_with_me(death_signal: int = signal.SIGKILL) -> Callable[[], None]:
    """Return a `preexec_fn` that lets the child die with the process that calls this."""
    parent = os.getpid()
    return lambda: die_with(parent, death_signal)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is not in use now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
