"""SQS with several consumers of a queue: moto reads a queue without a lock and fails if it changes.

Each read here holds the queue's lock, and a long poll waits without it. Simultaneous consumers get
different messages, as on AWS in almost every case, and never an HTTP 500.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from moto.sqs.models import SQSBackend

_receive = SQSBackend.receive_message


def install() -> None:
    """Replace moto's operations by ones that hold the lock."""
    SQSBackend.receive_message = _receive_message
    SQSBackend.delete_message = _holding_the_queue(SQSBackend.delete_message)
    SQSBackend.change_message_visibility = _holding_the_queue(SQSBackend.change_message_visibility)


def _receive_message(
    self: Any, queue_name: str, count: int, wait_seconds_timeout: float, *rest: Any, **named: Any
) -> Any:
    queue = self.get_queue(queue_name)
    deadline = time.monotonic() + wait_seconds_timeout
    while True:
        with queue._messages_lock:
            found = _receive(self, queue_name, count, 0, *rest, **named)
        left = deadline - time.monotonic()
        if found or left <= 0:
            return found
        # A message that turns visible again notifies nobody: check every second.
        queue.wait_for_messages(min(left, 1.0))
        time.sleep(
            0.002
        )  # a visible message cannot be received while another of its FIFO group is out


def _holding_the_queue(original: Callable[..., Any]) -> Callable[..., Any]:
    def locked(self: Any, queue_name: str, *rest: Any, **named: Any) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return original(self, queue_name, *rest, **named)

    return locked
