"""Clients that ask for much and read nothing: little of it is held for them, and not for long."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse import served
from tests.abuse.served import Web
from tests.conditions import wait_until

BUNDLE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
CLIENTS = 60
DEADLINE = 4  # seconds
COMMAND = (
    "-c",
    f"from config import web, web_server_settings; web_server_settings.READ_SECONDS = {DEADLINE}; web.main()",
)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served.web(tmp_path_factory.mktemp("web"), COMMAND) as made:
        yield made


@contextlib.contextmanager
def asking(web: Web, count: int) -> Iterator[list[socket.socket]]:
    """So many clients that have asked for a long file and read nothing."""
    with contextlib.ExitStack() as stack:
        lines = []
        for _ in range(count):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.connect(("127.0.0.1", web.port))
            line.sendall(f"GET {BUNDLE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            lines.append(line)
        yield lines


def memory(web: Web) -> int:
    """Bytes of the worker's own memory."""
    (worker,) = web.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon")
    )


def established(web: Web) -> int:
    """How many connections to the web process are not ended, of its own side."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(
        local.endswith(f":{web.port:04X}") and state == "01" for _, local, _, state, *_ in fields
    )


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is Linux's")
def test_a_long_file_is_not_held_for_those_who_do_not_read_it(web: Web) -> None:
    whole = web.get(BUNDLE)
    assert whole.status == 200
    assert len(whole.body) > 1_000_000
    assert web.page().status == 200  # what is compiled once is compiled
    before = memory(web)

    with asking(web, CLIENTS):
        wait_until(lambda: established(web) == CLIENTS, seconds=10, what="all connections")
        assert web.page().status == 200
        held = memory(web) - before
        wait_until(lambda: established(web) == 0, seconds=DEADLINE * 5, what="the end of all")

    assert held < CLIENTS * len(whole.body) / 3  # it was all of it
