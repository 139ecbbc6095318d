"""One demo per clone and per port: its lock file, and the check that the port is free."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import LocalError


def check_port(port: int, *, patience: float = 0.0) -> None:
    """Raise `LocalError` if another process still listens on `port` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except PermissionError as refused:
                raise LocalError(f"port {port} needs root: choose another, PORT=8000") from refused
            except OSError as refused:
                if time.monotonic() >= deadline:
                    other = port + 1 if port < 65_535 else 8000
                    raise LocalError(
                        f"port {port} is in use: choose another, such as `make demo PORT={other}`"
                    ) from refused
            else:
                return
        time.sleep(0.1)


def demo_runs(path: Path) -> bool:
    """Whether a demo holds this lock file."""
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def demo_lock(path: Path) -> Iterator[None]:
    """Hold the lock of this clone's only demo; the kernel releases it when this process dies.

    Raises `LocalError` with the holder's process id if another demo holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as refused:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise LocalError(
                f"a demo is already running in this clone (process {holder}): stop it first"
            ) from refused
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
