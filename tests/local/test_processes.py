"""Child processes that do not outlive their parent, and free ports."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

from local.processes import free_port
from tests.local.processes import is_alive, wait_for_death
from tests.paths import ROOT

PARENT = """
import subprocess, sys, time
from local.processes import dying_with_me
child = subprocess.Popen(["sleep", "600"], preexec_fn=dying_with_me())
print(child.pid, flush=True)
time.sleep(600)
"""
ORPHAN = """
from local.processes import die_with
die_with(1_000_000_000)
print("still here")
"""


def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.send_signal(signal.SIGKILL)

    wait_for_death(child)


def test_a_child_whose_parent_is_gone_already_exits_at_once() -> None:
    orphan = subprocess.run(
        [sys.executable, "-c", ORPHAN], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (orphan.returncode, orphan.stdout) == (1, "")


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass
