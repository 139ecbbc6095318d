"""One demo per clone and per port."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import LocalError, free_port
from local.supervisor.single_instance import check_port, demo_lock


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on a port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_a_free_port_is_accepted() -> None:
    check_port(free_port())


def test_a_port_in_use_is_refused_with_the_next_one_as_a_suggestion(
    listener: socket.socket,
) -> None:
    port = listener.getsockname()[1]

    with pytest.raises(LocalError, match=f"port {port} is in use: .* PORT="):
        check_port(port)


def test_a_port_that_becomes_free_in_time_is_accepted(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    release = threading.Timer(0.2, listener.close)
    release.start()

    check_port(port, patience=60.0)

    release.join()


def test_a_second_demo_is_refused_with_the_process_that_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "var" / "demo.lock"

    with (
        demo_lock(path),
        pytest.raises(LocalError, match=rf"already running .* \(process {os.getpid()}\)"),
        demo_lock(path),
    ):
        pass


def test_the_lock_is_free_again_once_the_demo_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with demo_lock(tmp_path / "demo.lock"):
            pass
