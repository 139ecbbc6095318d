"""Long responses: sent in pieces, few at once, and ended if their client reads nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from config import downloads
from config.downloads import Downloads, EndedError, TooManyError

HEAD = (200, [("content-type", "text/csv")])


class Client:
    """A client that takes what is sent, or is gone, or reads nothing."""

    def __init__(self, *, gone: bool = False, reads: bool = True) -> None:
        self.gone, self.reads = gone, reads
        self.taken: list[bytes] = []
        self.head: Any = None

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Client:
        self.head = status, headers
        return self

    async def send_bytes(self, piece: bytes) -> None:
        if self.gone:
            raise RuntimeError("the transport is closed")
        if not self.reads:
            await asyncio.sleep(60)
        self.taken.append(piece)


def send(client: Client, chunks: Iterator[bytes], sender: Downloads | None = None) -> None:
    """Send a response as the server does: from a thread, beside a running loop."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as threads:
            made = sender or Downloads()
            await loop.run_in_executor(threads, made.send, loop, client, HEAD, chunks)

    asyncio.run(run())


def test_what_is_made_is_sent_in_pieces_and_nothing_is_lost() -> None:
    client = Client()
    send(client, iter([b"a" * 1000] * 200))
    assert client.head == HEAD
    assert b"".join(client.taken) == b"a" * 200_000
    assert 1 < len(client.taken) <= 4


def test_a_client_that_has_gone_ends_it() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"a" * downloads.PIECE

    with pytest.raises(EndedError):
        send(Client(gone=True), endless())


def test_a_client_that_reads_nothing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    with pytest.raises(EndedError):
        send(Client(reads=False), iter([b"a"]))


def test_only_a_few_are_sent_at_once_and_an_error_frees_its_place() -> None:
    sender = Downloads()

    def broken() -> Iterator[bytes]:
        yield b"a" * downloads.PIECE
        raise ValueError("a row cannot be written")

    for _ in range(downloads.AT_ONCE + 1):
        with pytest.raises(ValueError, match="a row"):
            send(Client(), broken(), sender)
    for _ in range(downloads.AT_ONCE):
        assert sender._free.acquire(blocking=False)
    with pytest.raises(TooManyError):
        send(Client(), iter([b"a"]), sender)
