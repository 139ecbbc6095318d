"""`manage.py sweep` as it ships, but for one thing: it waits a second for AWS's answer, not ten.

So that campaigns can let calls stall without lasting for hours; nothing in the product knows of it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

from botocore.config import Config
from django.core.management import execute_from_command_line

from approvals.gateways import aws
from local.processes import dying_with_me
from tests.faults import watch
from tests.paths import ROOT

READ_TIMEOUT = 1.0  # seconds


def impatient(**options: Any) -> Config:
    """The configuration of our clients, with a short read timeout."""
    return Config(**{**options, "read_timeout": READ_TIMEOUT})


def begun(*, patient: bool = False) -> subprocess.Popen[bytes]:
    """A sweeper process on this process's database and AWS; `patient` with its own ten seconds."""
    options = ["--patient"] if patient else []
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sweeper", *options],
        cwd=ROOT,
        preexec_fn=dying_with_me(),  # noqa: PLW1509
    )


@contextlib.contextmanager
def running(count: int, *, patient: bool = False) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many sweeper processes; those in the list at the end are killed."""
    processes = [begun(patient=patient) for _ in range(count)]
    try:
        yield processes
        assert all(process.poll() is None for process in processes), "a sweeper ended by itself"
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    if "--patient" not in sys.argv:
        mock.patch.object(aws, "Config", impatient).start()
    watch.resume()
    execute_from_command_line(["manage.py", "sweep"])
