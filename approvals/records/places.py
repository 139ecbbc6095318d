"""The places of a queue's and of a review's calls to AWS: the region, and the role to assume there."""

from __future__ import annotations

from approvals import arns
from approvals.arns import Place
from approvals.models import ReviewQueue, ReviewTask


def of_queue(queue: ReviewQueue) -> Place:
    """The region of a queue, as the queue's role."""
    return Place(queue.region, queue.role_arn)


def of_review(review: ReviewTask) -> Place:
    """The region of a review's execution, as its queue's role; other regions do not know its token.

    Without a valid execution ARN it is the region of the queue.
    """
    try:
        return arns.place_of(review.execution_arn, review.queue.role_arn)
    except ValueError:
        return of_queue(review.queue)
