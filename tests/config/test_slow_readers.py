"""The deadline of clients that read nothing. With the whole server: tests/abuse/test_slow_readers.py."""

from __future__ import annotations

import socket

import pytest

from config import slow_readers, web_server_settings


def deadline(connection: socket.socket) -> int:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


def test_connections_of_our_port_have_a_deadline_and_others_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        monkeypatch.setattr(web_server_settings, "PORT", ours.getsockname()[1])

        assert slow_readers.set_deadline() == 1

        with socket.create_connection(ours.getsockname()):
            accepted, _ = ours.accept()
            with accepted:
                assert deadline(accepted) == web_server_settings.READ_SECONDS * 1_000
        assert deadline(other) == 0
