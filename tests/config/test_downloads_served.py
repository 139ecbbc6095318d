"""Downloads through granian itself: a client that does not read stops what is made for it."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import dying_with_me, free_port
from tests.conditions import wait_until
from tests.paths import ROOT

TOTAL = 64 * 2**20
SERVER = f"""
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from granian.server import Server
from config import downloads
threads, sender = ThreadPoolExecutor(4), downloads.Downloads()

def chunks():
    for made in range({TOTAL // 2**20}):
        print("made", flush=True)
        yield b"x" * 2**20

async def application(scope, protocol):
    loop = asyncio.get_running_loop()
    head = 200, [("content-type", "text/csv")]
    await loop.run_in_executor(threads, sender.send, loop, protocol, head, chunks())

Server("x", port=int(sys.argv[1]), interface="rsgi").serve(
    target_loader=lambda: application, wrap_loader=False
)
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a server of one long download, and its log."""
    port, log = free_port(), tmp_path / "log"
    code = "import multiprocessing; multiprocessing.set_start_method('fork')\n" + SERVER
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(port)],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=output,
            stderr=output,
            preexec_fn=dying_with_me(),  # noqa: PLW1509
            start_new_session=True,
        )
    try:
        wait_until(lambda: "Started worker" in log.read_text(), seconds=30, what="granian")
        yield port, log
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # granian's worker outlives its parent
        process.wait()


def test_a_download_is_made_as_it_is_read_and_arrives_whole(served: tuple[int, Path]) -> None:
    port, log = served
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    response = connection.getresponse()
    first = response.read(1_000)
    made = [-1, -2, -3]

    def has_stopped() -> bool:
        made.append(log.read_text().count("made"))
        return made[-1] == made[-3] > 0

    wait_until(has_stopped, seconds=10, what="a pause")
    assert made[-1] < TOTAL // 2**20 / 2  # granian's stream took all of it at once
    assert len(first) + len(response.read()) == TOTAL
    connection.close()
