"""Demos of dummy processes, each in a clone of its own and seen from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.processes import free_port
from tests.conditions import wait_until
from tests.local.processes import described
from tests.measured import measured
from tests.paths import ROOT

SCRIPT = Path(__file__).with_name("dummy_demo.py")
SECONDS = 60  # the end of a test that would hang


@dataclass(frozen=True)
class Run:
    """One start of a demo: its process, and the files with what it prints."""

    process: subprocess.Popen[bytes]
    output_file: Path
    errors_file: Path

    @property
    def output(self) -> str:
        """Its standard output so far."""
        return self.output_file.read_text()

    @property
    def errors(self) -> str:
        """Its standard error so far."""
        return self.errors_file.read_text()

    def wait(self) -> int:
        """Wait until it has ended; returns its exit code."""
        return self.process.wait(SECONDS)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(how)
        return self.wait()


class Demo:
    """A clone in which demos are started. `cluster` is copied in place of initdb."""

    def __init__(self, root: Path, cluster: Path) -> None:
        self.root = root
        self.port = free_port()
        self.json_file = root / "var" / "demo.json"
        self._cluster = cluster
        self._runs: list[Run] = []

    def start(self, behaviour: str = "light", **environ: str) -> Run:
        """Start a demo; the behaviours are those of `dummy_demo`."""
        prefix = self.root / f"run-{len(self._runs)}"
        output, errors = prefix.with_suffix(".out"), prefix.with_suffix(".err")
        with output.open("wb") as stdout, errors.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(self.root), behaviour],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(ROOT),
                    "PORT": str(self.port),
                    "AWS_PROFILE": "company",
                    "CLUSTER": str(self._cluster),
                    **measured(),
                    **environ,
                },
                stdout=stdout,
                stderr=stderr,
            )
        run = Run(process, output, errors)
        self._runs.append(run)
        return run

    def refusal(self, **environ: str) -> str:
        """Start a demo that may not start; returns its standard error, which must be one line."""
        run = self.start(**environ)
        assert run.wait() == 1, run.output
        assert run.errors.count("\n") == 1
        return run.errors

    def description(self, after: dict[str, Any] | None = None) -> dict[str, Any]:
        """What `demo.json` contains, once it is there and differs from `after`."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] | None = None
            if self.json_file.exists():
                found = json.loads(self.json_file.read_text())
            elif self._runs[-1].process.poll() is not None:
                raise AssertionError(f"the demo has ended: {self._runs[-1].errors}")
            return found if found != after else None

        return wait_until(look, what="demo.json")

    def database(self) -> str:
        """The URL of the database that the demo prepared last."""
        return (self.root / "var/demo/logs/seed.log").read_text().strip()

    def processes(self) -> list[int]:
        """Every living process that works for this clone, the supervisors apart."""
        marks = (str(self.root), f"PORT={self.port}")
        apart = {os.getpid(), *(run.process.pid for run in self._runs)}
        return [
            pid
            for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*"))
            if pid not in apart and any(mark in described(pid) for mark in marks)
        ]

    def close(self) -> None:
        """Kill the supervisors and wait until nothing of them is left."""
        for run in self._runs:
            run.process.kill()
            run.process.wait()
        wait_until(lambda: not self.processes(), what="the end of the demo's processes")
