"""`start_orders` as a process of its own: watched, killed, resumed, its memory measured."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.processes import dying_with_me
from tests.paths import ROOT

PATIENCE = 1800.0  # seconds


@dataclass
class Ran:
    """What the processes of one batch came to."""

    batch: str = ""
    kills: int = 0
    code: int = -1
    said: str = ""
    errors: str = ""
    peak_mb: float = 0.0
    seconds: float = 0.0
    marks: list[str] = field(default_factory=list)


def run(
    arguments: list[str],
    environment: dict[str, str],
    due: list[Callable[[], bool]],
    rush: Callable[[], None] | None = None,
) -> Ran:
    """Run the command to its end; SIGKILL it each time the next of `due` says so, and resume it.

    `rush` is called after each kill, and again and again once none is left, for runs that have no time.
    """
    ran, began = Ran(), time.monotonic()
    pending = list(due)
    while True:
        resumed = ["--resume", ran.batch] if ran.batch else []
        process = subprocess.Popen(
            [sys.executable, "manage.py", "start_orders", *arguments, *resumed],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=dying_with_me(),  # noqa: PLW1509
        )
        said: dict[str, str] = {}
        readers = [
            threading.Thread(target=_drain, args=(process, name, said))
            for name in ("stdout", "stderr")
        ]
        for reader in readers:
            reader.start()
        killed = _watch(process, pending, ran, began, rush)
        for reader in readers:
            reader.join()
        ran.said, ran.errors = said["stdout"], said["stderr"]
        found = re.search(r"^batch (\S+)$", ran.errors, re.MULTILINE)
        ran.batch = ran.batch or (found[1] if found else "")
        if not killed:
            ran.code, ran.seconds = process.returncode, time.monotonic() - began
            return ran
        ran.kills += 1
        if rush:
            rush()


def _drain(process: subprocess.Popen[str], name: str, said: dict[str, str]) -> None:
    said[name] = getattr(process, name).read()


def _watch(
    process: subprocess.Popen[str],
    pending: list[Callable[[], bool]],
    ran: Ran,
    began: float,
    rush: Callable[[], None] | None,
) -> bool:
    """Until the process ends: True where that was our doing."""
    while process.poll() is None:
        ran.peak_mb = max(ran.peak_mb, _peak(process.pid))
        if pending and pending[0]():
            pending.pop(0)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        if rush and not pending:
            rush()
        if time.monotonic() > began + PATIENCE:
            process.kill()
            raise AssertionError(f"not at its end after {PATIENCE:.0f} s")
        time.sleep(0.1)
    return False


def _peak(pid: int) -> float:
    """The most memory the process ever held, in MB; zero once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
