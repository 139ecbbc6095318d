"""A review's deadline as pages show it: how near it is, and what happens once it has passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.models import ReviewTask
from approvals.models.review_queues import ReviewQueue
from approvals.spans import span

CRITICAL = timedelta(minutes=5)
VERB_AT_DEADLINE: Mapping[str, str] = {
    ReviewQueue.AtDeadline.REJECT: "rejects",
    ReviewQueue.AtDeadline.APPROVE: "approves",
}


@dataclass(frozen=True)
class Deadline:
    """When Step Functions stops waiting, with a label for how near that is, and what happens then.

    `tone` is calm, soon, critical, passed or guess, `icon` the name of a heroicon.
    """

    at: datetime
    tone: str
    icon: str
    label: str
    consequence: str


def deadline(review: ReviewTask, now: datetime) -> Deadline:
    """Describes a review's deadline at the database's time `now`.

    A deadline that only the queue's default gave is described as a guess.
    """
    at, left = review.deadline_at, review.deadline_at - now
    if review.status != ReviewTask.Status.PENDING:
        return Deadline(at, "calm", "clock", "Deadline", "The review is closed.")
    if review.deadline_source == ReviewTask.DeadlineSource.DEFAULT:
        return _assumed(review, left)
    if left <= timedelta(0):
        return Deadline(
            at,
            "passed",
            "no-symbol",
            "Passed",
            "Step Functions has stopped waiting, so a decision can no longer reach the workflow. It"
            " took its timeout path.",
        )
    consequence = _consequence(review, left)
    if left <= CRITICAL:
        return Deadline(at, "critical", "exclamation-triangle", "Closing", consequence)
    if left * 4 <= at - review.sent_at:
        return Deadline(at, "soon", "bell-alert", "Due soon", consequence)
    return Deadline(at, "calm", "clock", "Due", consequence)


def _consequence(review: ReviewTask, left: timedelta) -> str:
    """What happens at the deadline, by the queue's setting."""
    verb = VERB_AT_DEADLINE.get(review.queue.at_deadline)
    if verb:
        margin = span(review.margin_before_deadline)
        return (
            f"Step Functions stops waiting in {span(left)}. If nobody has decided {margin} before"
            f" that, the queue {verb} it by itself."
        )
    return (
        f"Step Functions stops waiting in {span(left)}; the workflow then takes its timeout path."
    )


def _assumed(review: ReviewTask, left: timedelta) -> Deadline:
    """The deadline of a message that gave none: the queue's default."""
    label = "Perhaps"
    consequence = (
        f"The message gave no deadline; this queue assumes {span(review.deadline_at - review.sent_at)}"
        " from its arrival. AWS may close it sooner or later than that."
    )
    if left <= timedelta(0):
        label = "Perhaps passed"
        consequence = (
            "The message gave no deadline, and the queue's own has passed: AWS may already have"
            " closed this. A decision is still tried."
        )
    return Deadline(review.deadline_at, "guess", "question-mark-circle", label, consequence)
