"""`register_queue`: creates a queue, or changes what is named."""

from __future__ import annotations

import pytest

from approvals.models import (
    AuditEvent,
    ReviewQueue,
)
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


def test_register_queue_creates_a_queue_and_then_changes_only_what_is_named(db: None) -> None:
    assert run("register_queue", "held", "--sqs-url", "https://sqs.example/q") == (
        "Created queue held.\n"
    )
    run("register_queue", "held", "--sqs-url", "https://sqs.example/q", "--undo-seconds", "30")
    output = run("register_queue", "held", "--sqs-url", "https://sqs.example/r", "--name", "Held")

    queue = ReviewQueue.objects.get(slug="held")
    assert output == "Updated queue held.\n"
    assert (queue.undo_seconds, queue.name, queue.sqs_url) == (30, "Held", "https://sqs.example/r")
    events = AuditEvent.objects.filter(chain=f"queue:{queue.pk}").order_by("seq")
    kinds = events.values_list("kind", flat=True)
    assert list(kinds) == ["queue.created", "queue.changed", "queue.changed"]


def test_register_queue_forbids_and_allows_bulk_decisions(queue: ReviewQueue) -> None:
    run("register_queue", queue.slug, "--bulk", "off")
    queue.refresh_from_db()
    assert not queue.allow_bulk
    run("register_queue", queue.slug, "--bulk", "on")
    queue.refresh_from_db()
    assert queue.allow_bulk


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--error-name", "States.Timeout"], "reserved by AWS"),
        (["--timeout-seconds", "0"], "timeout_seconds"),
        (["--timeout-seconds", "31536001"], "timeout_seconds"),
        (["--undo-seconds", "999999"], "undo_seconds"),
        (["--role-arn", "reader"], "Not the ARN of an IAM role"),
    ],
)
def test_register_queue_refuses_what_a_queue_cannot_be(arguments: list[str], expected: str) -> None:
    assert expected in refused(
        "register_queue", "held", "--sqs-url", "https://q.example", *arguments
    )
    assert not ReviewQueue.objects.exists()


def test_register_queue_lets_one_sqs_queue_feed_one_queue_only(queue: ReviewQueue) -> None:
    output = refused("register_queue", "other", "--sqs-url", queue.sqs_url)

    assert output == "Another queue reads this SQS queue already."


def test_register_queue_refuses_a_url_that_is_none(db: None) -> None:
    assert "sqs_url" in refused("register_queue", "held", "--sqs-url", "not a url")
