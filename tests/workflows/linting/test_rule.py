"""The settings of a queue that rules compare with."""

from __future__ import annotations

from approvals.models import ReviewQueue
from approvals.workflows.linting.rule import QueueSettings


def test_what_the_linter_takes_for_granted_is_what_a_queue_starts_with() -> None:
    queue = ReviewQueue()

    assert queue.error_name == QueueSettings().error_name
    assert queue.undo_seconds == QueueSettings().undo_seconds
