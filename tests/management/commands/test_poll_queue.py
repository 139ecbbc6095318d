"""`poll_queue`: takes in what waits, and names what it does not know."""

from __future__ import annotations

import pytest

from approvals.gateways import sqs
from approvals.models import (
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
)
from tests import factories
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


def test_poll_queue_once_takes_everything_in_until_one_empty_answer(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [[message("m1"), message("m2", "nonsense")], [message("m3")], []]
    deleted: list[str] = []
    monkeypatch.setattr(sqs, "receive", lambda *_, **__: batches.pop(0))

    def delete(region: str, url: str, messages: list[sqs.Message]) -> list[str]:
        deleted.extend(message.message_id for message in messages)
        return []

    monkeypatch.setattr(sqs, "delete", delete)

    output = run("poll_queue", "--queue", queue.slug, "--once")

    assert output == f"{queue.slug}: 3 messages\n"
    assert (ReviewTask.objects.count(), QuarantinedMessage.objects.count()) == (2, 1)
    assert deleted == ["m1", "m2", "m3"]


def message(message_id: str, body: str | None = None) -> sqs.Message:
    """A message of SQS."""
    arrival = factories.received(body)
    return sqs.Message(message_id, f"receipt-{message_id}", arrival.body, arrival.sent_at)


def test_poll_queue_names_a_queue_it_does_not_know(db: None) -> None:
    assert "register_queue" in refused("poll_queue", "--queue", "nowhere")


def test_poll_queue_says_in_one_line_that_sqs_does_not_answer(queue: ReviewQueue) -> None:
    assert "did not answer" in refused("poll_queue", "--queue", queue.slug, "--once")
