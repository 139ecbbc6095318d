"""A quarantined message in an answer: whether it is open, and who ended that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from approvals.api.serializers.quarantine import QuarantineAnswer
from approvals.models import QuarantinedMessage, ReviewQueue, User

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OSCAR = User(email="oscar@example.com")


@pytest.mark.parametrize(
    ("settled", "state", "by"),
    [
        ({}, "open", [None, None]),
        (
            {"replayed_at": NOON, "replayed_by": OSCAR},
            "replayed",
            ["oscar@example.com", None],
        ),
        (
            {"discarded_at": NOON, "discarded_by": OSCAR},
            "discarded",
            [None, "oscar@example.com"],
        ),
        ({"replayed_at": NOON}, "replayed", [None, None]),
    ],
)
def test_the_state_of_a_message_and_by_whom_it_came_about(
    settled: dict[str, Any], state: str, by: list[str | None]
) -> None:
    queue = ReviewQueue(slug="held")
    message = QuarantinedMessage(queue=queue, sent_at=NOON, received_at=NOON, **settled)

    shown = QuarantineAnswer(message).data

    assert shown["state"] == state
    assert [shown["replayed_by"], shown["discarded_by"]] == by
