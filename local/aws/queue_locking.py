"""SQS under several consumers at once: moto scans a queue without a lock and fails when it changes.

Each scan here holds the queue's own lock, and a long poll waits without it. So simultaneous
consumers get different messages, as on AWS (almost always), and never an HTTP 500.
"""

# ruff: noqa: SLF001 - replacing what is inside moto is what this room is for
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from moto.sqs.models import SQSBackend

_receive = SQSBackend.receive_message


def install() -> None:
    """Put the locked operations in place of moto's own."""
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
        # A message may also turn visible again, which wakes nobody: look every second.
        queue.wait_for_messages(min(left, 1.0))
        time.sleep(0.002)  # visible is not always receivable: a FIFO group may be taken


def _holding_the_queue(original: Callable[..., Any]) -> Callable[..., Any]:
    def locked(self: Any, queue_name: str, *rest: Any, **named: Any) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return original(self, queue_name, *rest, **named)

    return locked
