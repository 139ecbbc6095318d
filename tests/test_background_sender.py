"""A background sender sends in order, loses what it must with a word, and never stops."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from approvals.background_sender import BackgroundSender

MOST = 3


class Server:
    """Takes texts once it is told to, except those that it refuses."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.goes_on = threading.Event()

    def take(self, text: str) -> None:
        self.goes_on.wait(30)
        if text == "refused":
            raise ConnectionRefusedError
        self.taken.append(text)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def lost() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def sender(server: Server, lost: list[tuple[str, str]]) -> BackgroundSender[str]:
    def lose(text: str, error: str) -> None:
        lost.append((text, error))

    return BackgroundSender("a test", server.take, lose, most_waiting=MOST, at_exit=0.0)


def test_items_are_sent_in_their_order_and_a_refused_one_stops_no_other(
    server: Server, sender: BackgroundSender[str], lost: list[tuple[str, str]]
) -> None:
    server.goes_on.set()
    for text in ("a", "refused", "b"):
        sender.put(text)

    assert sender.flush(30)
    assert server.taken == ["a", "b"]
    assert lost == [("refused", "ConnectionRefusedError")]


def test_a_silent_server_keeps_nobody_waiting_and_what_finds_no_room_is_lost(
    server: Server, sender: BackgroundSender[str], lost: list[tuple[str, str]]
) -> None:
    for number in range(9):
        sender.put(f"{number}")

    assert not sender.flush(0.1)
    assert {error for _, error in lost} == {"Full"}
    assert len(lost) in {9 - MOST - 1, 9 - MOST}  # one may be under way
    server.goes_on.set()
    assert sender.flush(30)
    assert sorted(server.taken + [text for text, _ in lost]) == [f"{n}" for n in range(9)]


def test_a_forked_process_sends_its_own_items_and_none_of_its_parents(
    server: Server, sender: BackgroundSender[str], tmp_path: Path
) -> None:
    sender.put("of the parent")
    in_child(lambda: send_in_child(server, sender, tmp_path / "taken"))
    server.goes_on.set()

    assert (tmp_path / "taken").read_text() == "of the child"
    assert sender.flush(30)
    assert server.taken == ["of the parent"]


def test_a_loss_that_cannot_be_logged_stops_no_sender(server: Server) -> None:
    def lose(_text: str, _error: str) -> None:
        raise BrokenPipeError  # standard error has no reader

    sender = BackgroundSender("a test", server.take, lose, most_waiting=MOST, at_exit=0.0)
    server.goes_on.set()
    sender.put("refused")
    sender.put("next")

    assert sender.flush(30)
    assert server.taken == ["next"]


def test_a_thread_that_could_not_be_started_is_started_with_the_next_item(
    server: Server, sender: BackgroundSender[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    server.goes_on.set()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        with pytest.raises(RuntimeError):
            sender.put("a")
    sender.put("b")

    assert sender.flush(30)
    assert server.taken == ["b"]


def send_in_child(server: Server, sender: BackgroundSender[str], told: Path) -> bool:
    server.goes_on.set()
    server.taken.clear()
    sender.put("of the child")
    sent = sender.flush(10)
    told.write_text(" ".join(server.taken))
    return sent


def in_child(action: Callable[[], bool]) -> None:
    """Run this in a forked process. Raises AssertionError if it does not return True."""
    child = os.fork()
    if child == 0:
        os._exit(0 if action() else 1)
    assert os.waitpid(child, 0)[1] == 0
