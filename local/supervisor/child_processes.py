"""The demo's child processes: each has a log, is restarted when it crashes, and is stopped in turn."""

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

_PAUSE_SECONDS = 2.0  # before the first restart; doubled with each that follows
_LONGEST_PAUSE_SECONDS = 60.0
_STABLE_SECONDS = 60.0  # after this long, a child's earlier crashes no longer count
_SHOWN_LINES = 12  # of the log of a child that ended


@dataclass
class _Child:
    program: Program
    log: Path
    process: subprocess.Popen[bytes]
    started: float
    log_start: int = 0
    crashes: int = 0
    restart_at: float | None = None


class ChildProcesses:
    """All child processes of one demo; to be used from the main thread only."""

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
        """Raise `LocalError` if a child has ended: while the demo starts, none is restarted."""
        for child in self._children:
            if child.process.poll() is not None:
                self._show_end(child)
                raise LocalError(f"the {child.program.name} process did not start: see {child.log}")

    def watch(self) -> None:
        """Restart each child that has ended, after pauses of 2 s to a minute; the others go on meanwhile."""
        for child in self._children:
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    self._restart(child)
            elif child.process.poll() is not None:
                self._note_end(child)

    def stop(self) -> None:
        """Stop the children and what they started, the last one first."""
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
                # Its own session: Ctrl-C reaches only this process, and what the child starts dies with it.
                start_new_session=True,
                preexec_fn=dying_with_me(program.death_signal),  # noqa: PLW1509 - one thread here
            )

    def _note_end(self, child: _Child) -> None:
        _kill_group(child.process)  # what it has started may hold its port
        self._show_end(child)
        if time.monotonic() - child.started > _STABLE_SECONDS:
            child.crashes = 0
        child.crashes += 1
        pause = min(_PAUSE_SECONDS * 2 ** min(child.crashes - 1, 16), _LONGEST_PAUSE_SECONDS)
        times = f", it ended {child.crashes} times in a row: see {child.log}"
        self._say(f"Restarting it in {pause:.0f} s{times if child.crashes > 1 else ''}.")
        child.restart_at = time.monotonic() + pause

    def _restart(self, child: _Child) -> None:
        child.log_start = child.log.stat().st_size
        child.process = self._spawn(child.program, child.log)
        child.started = time.monotonic()
        child.restart_at = None

    def _show_end(self, child: _Child) -> None:
        reason = _reason(child.process)
        self._say(f"\nThe {child.program.name} process ended ({reason}). Its last output:")
        output = child.log.read_bytes()[child.log_start :].decode(errors="replace")
        for line in output.splitlines()[-_SHOWN_LINES:]:
            self._say(f"    {line}")


def _reason(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
