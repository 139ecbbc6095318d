"""A thread of the process that sends what others put into its queue, so that none of them waits for a server."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class BackgroundSender(Generic[Item]):
    """A queue and the thread that sends its items one after the other, which is started with the first one.

    `send` may raise: the item is lost then, as those are for which `most_waiting` leaves no room, and `lost`
    is called with the item and the name of the error (`Full` without room). A process that ends gives
    `at_exit` seconds to what waits; a forked process has a queue and a thread of its own.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Item], object],
        lost: Callable[[Item, str], None],
        *,
        most_waiting: int,
        at_exit: float,
    ) -> None:
        self._name, self._send, self._lost = name, send, lost
        self._most_waiting = most_waiting
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # the child has no threads but its own
        atexit.register(self.flush, at_exit)

    def _begin(self) -> None:
        self._waiting: queue.Queue[Item] = queue.Queue(self._most_waiting)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, item: Item) -> None:
        """Let the thread send this one; raises nothing, and waits for nothing."""
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self._lost(item, "Full")

    def flush(self, seconds: float) -> bool:
        """Wait until all that was put is sent or lost; False if that takes longer than so many seconds."""
        until = time.monotonic() + seconds
        waiting = self._waiting
        with waiting.all_tasks_done:
            while waiting.unfinished_tasks:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                waiting.all_tasks_done.wait(left)
        return True

    def _run(self) -> None:
        while True:
            with contextlib.suppress(
                Exception
            ):  # `lost` may fail, too: standard error has no reader
                self._send_next()

    def _send_next(self) -> None:
        item = self._waiting.get()
        try:
            self._send(item)
        except Exception as error:  # noqa: BLE001  (the thread goes on with the next one)
            self._lost(item, type(error).__name__)
        finally:
            self._waiting.task_done()
