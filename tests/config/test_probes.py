"""The second port, for probes and metrics."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from config import probes
from local.processes import free_port


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [str(environ.get(probes.MARK)).encode()]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which the application answers probes."""
    monkeypatch.setattr(probes, "_listening", [])
    found = free_port()
    probes.listen("127.0.0.1", found)
    assert probes.serve(application)
    yield found
    probes.close()


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_probes_are_answered_and_marked(port: int) -> None:
    assert {path: get(port, path) for path in probes.PATHS} == dict.fromkeys(
        probes.PATHS, (200, b"True")
    )


@pytest.mark.parametrize("path", ["/", "/healthz/live/", "/metrics%20", "/admin/"])
def test_nothing_else_is_answered(port: int, path: str) -> None:
    assert get(port, path) == (404, b"")


def test_a_silent_client_keeps_nobody_waiting(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.sendall(b"GET /healthz/l")

        assert get(port, "/healthz/live")[0] == 200


def test_without_a_port_there_is_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_listening", [])

    assert probes.serve(application) is None
