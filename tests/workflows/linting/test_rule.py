"""The settings of a queue that rules compare with."""

from __future__ import annotations

from approvals.models import ReviewQueue
from approvals.workflows.linting.rule import QueueSettings


def test_what_the_linter_takes_for_granted_is_what_a_queue_starts_with() -> None:
    field = ReviewQueue._meta.get_field

    assert field("error_name").default == QueueSettings().error_name
    assert field("undo_seconds").default == QueueSettings().undo_seconds
