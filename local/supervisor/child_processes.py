"""The demo's children: started with a log each, restarted when they crash, stopped one by one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.processes import LocalError, dying_with_me
from local.supervisor.programs import Program

_PAUSE = 2.0
_MOST_RESTARTS = 5
_LONG_ENOUGH = 60.0  # a child that lived this long has recovered: its crashes are forgotten
_LAST_LINES = 12


@dataclass
class _Child:
    program: Program
    log: Path
    process: subprocess.Popen[bytes]
    started: float
    said_before: int = 0
    crashes: int = 0
    restart_at: float | None = None


class Crew:
    """All children of one demo; only to be used from the main thread."""

    def __init__(
        self,
        logs: Path,
        environment: Mapping[str, str],
        *,
        cwd: Path,
        say: Callable[[str], None],
    ) -> None:
        self._logs = logs
        self._environment = environment
        self._cwd = cwd
        self._say = say
        self._children: list[_Child] = []

    def start(self, program: Program) -> None:
        """Start `program` with a fresh log `NAME.log`."""
        log = self._logs / f"{program.name}.log"
        log.write_bytes(b"")
        self._children.append(_Child(program, log, self._spawn(program, log), time.monotonic()))

    def check_all_alive(self) -> None:
        """Raise `LocalError` if a child has died: while starting, a crash is an answer."""
        for child in self._children:
            if child.process.poll() is not None:
                self._show_end(child)
                raise LocalError(f"the {child.program.name} process did not start: see {child.log}")

    def watch(self) -> None:
        """Notice the dead and restart them after a pause; raise `LocalError` when it is no use."""
        for child in self._children:
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    self._restart(child)
            elif child.process.poll() is not None:
                self._bury(child)

    def stop(self) -> None:
        """Stop the children in the opposite order of their start; nothing of them is left after."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(child.program.grace)
            _kill_group(child.process)

    def _spawn(self, program: Program, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                list(program.command),
                cwd=self._cwd,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own session: Ctrl-C reaches us alone, and its children can be killed with it.
                start_new_session=True,
                preexec_fn=dying_with_me(program.death_signal),  # noqa: PLW1509 - one thread here
            )

    def _bury(self, child: _Child) -> None:
        _kill_group(child.process)  # what it left behind may hold its port
        self._show_end(child)
        if time.monotonic() - child.started > _LONG_ENOUGH:
            child.crashes = 0
        child.crashes += 1
        if child.crashes > _MOST_RESTARTS:
            raise LocalError(
                f"the {child.program.name} process died {child.crashes} times: see {child.log}"
            )
        self._say(f"Restarting it in {_PAUSE:.0f} s ({child.crashes} of {_MOST_RESTARTS}).")
        child.restart_at = time.monotonic() + _PAUSE

    def _restart(self, child: _Child) -> None:
        child.said_before = child.log.stat().st_size
        child.process = self._spawn(child.program, child.log)
        child.started = time.monotonic()
        child.restart_at = None

    def _show_end(self, child: _Child) -> None:
        how = _how(child.process)
        self._say(f"\nThe {child.program.name} process ended ({how}). It said last:")
        said = child.log.read_bytes()[child.said_before :].decode(errors="replace")
        for line in said.splitlines()[-_LAST_LINES:]:
            self._say(f"    {line}")


def _how(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
