"""Long responses: sent in pieces, few at once, and ended if their client reads nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config import downloads
from config.downloads import Downloads, EndedError, TooManyError

HEAD = (200, [("content-type", "text/csv")])


class Client:
    """A client that takes what is sent, or is gone at once, or after some bytes, or reads nothing more.

    granian reads in threads of its own.
    """

    def __init__(self, *, gone: bool = False, most: int = 2**40, stalls: bool = False) -> None:
        self.gone, self.most, self.stalls = gone, most, stalls
        self.taken = b""
        self.head: Any = None
        self.thread: threading.Thread | None = None
        self.over = threading.Event()

    def response_file(self, status: int, headers: list[tuple[str, str]], path: str) -> None:
        self.head = status, headers
        if not self.gone:
            self.thread = threading.Thread(target=self._read, args=(path,), daemon=True)
            self.thread.start()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.head, self.taken = (status, headers), body

    def _read(self, path: str) -> None:
        with Path(path).open("rb", buffering=0) as file:
            while len(self.taken) < self.most and (piece := file.read(65_536)):
                self.taken += piece
            if self.stalls:
                self.over.wait(20)


def send(client: Client, chunks: Iterator[bytes], sender: Downloads | None = None) -> None:
    """Send a response as the server does: from a thread, beside a running loop."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as threads:
            made = sender or Downloads()
            await loop.run_in_executor(threads, made.send, loop, client, HEAD, chunks)

    asyncio.run(run())
    if client.thread:
        client.thread.join(5)


def endless() -> Iterator[bytes]:
    while True:
        yield b"a" * downloads.PIECE


def test_what_is_made_is_sent_in_pieces_and_nothing_is_lost() -> None:
    client = Client()
    send(client, iter([b"a" * 1000] * 200))
    assert client.head == HEAD
    assert client.taken == b"a" * 200_000


@pytest.mark.parametrize("length", [0, 1, downloads.PIECE, 3 * downloads.PIECE + 1])
def test_a_response_of_any_length_arrives_whole(length: int) -> None:
    client = Client()
    send(client, iter([b"a" * length]))
    assert len(client.taken) == length


@pytest.mark.parametrize("most", [1, 1_000_000])
def test_a_client_that_goes_ends_it(most: int) -> None:
    with pytest.raises(EndedError):
        send(Client(most=most), endless())


def test_a_client_that_has_gone_before_it_begins_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "OPENING", 0.2)
    with pytest.raises(EndedError):
        send(Client(gone=True), endless())


def test_no_more_is_made_than_a_client_reads_and_one_that_reads_nothing_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.3)
    client, made = Client(most=1, stalls=True), [0]

    def counted() -> Iterator[bytes]:
        for piece in endless():
            made[0] += len(piece)
            yield piece

    with pytest.raises(EndedError):
        send(client, counted())
    client.over.set()
    assert made[0] <= 5 * downloads.PIECE


def test_only_a_few_are_sent_at_once_and_an_error_frees_its_place() -> None:
    sender = Downloads()

    def broken() -> Iterator[bytes]:
        yield b"a" * downloads.PIECE
        raise ValueError("a row cannot be written")

    for _ in range(downloads.AT_ONCE + 1):
        with pytest.raises(ValueError, match="a row"):
            send(Client(), broken(), sender)
    with ExitStack() as places:
        for _ in range(downloads.AT_ONCE):
            places.enter_context(sender._place_of(""))
        with pytest.raises(TooManyError):
            send(Client(), iter([b"a"]), sender)
    send(Client(), iter([b"a"]), sender)


def test_one_person_does_not_take_all_places() -> None:
    sender = Downloads()
    with ExitStack() as places:
        for _ in range(downloads.MOST_OF_A_PERSON):
            places.enter_context(sender._place_of("eve"))
        with pytest.raises(TooManyError), sender._place_of("eve"):
            pass
        with sender._place_of("ada"):
            pass
    with sender._place_of("eve"):
        assert dict(sender._people) == {"eve": 1}
    assert dict(sender._people) == {}
