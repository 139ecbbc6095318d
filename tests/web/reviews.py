"""Reviews that the tests of the desk look at: of one message, or many of a queue."""

from __future__ import annotations

from approvals.actions import intake
from approvals.models import ReviewQueue, ReviewTask
from tests import factories


def review_of(body: object) -> ReviewTask:
    """The review of exactly this message body."""
    arrival = factories.received(body)
    queue = ReviewQueue.objects.get(slug="manual-review")
    taken = intake.accept(queue, [arrival])
    assert taken.reviews == 1
    return ReviewTask.objects.get(sqs_message_id=arrival.message_id)


def open_reviews(queue: ReviewQueue, count: int) -> list[ReviewTask]:
    """So many open reviews; the later made, the sooner due."""
    intake.accept(
        queue,
        [
            factories.received(orderId=f"M-{number:03}", timeoutSeconds=86_000 - 100 * number)
            for number in range(count)
        ],
    )
    return list(ReviewTask.objects.filter(queue=queue).order_by("deadline_at", "id"))
