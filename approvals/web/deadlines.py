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
    """When Step Functions stops waiting, with a label for how near that was at `now`, and what happens then.

    `tone` is calm, soon, critical, passed or guess, `icon` the name of a heroicon.
    """

    review: ReviewTask
    now: datetime
    tone: str
    icon: str
    label: str

    @property
    def at(self) -> datetime:
        """When that is."""
        return self.review.deadline_at

    @property
    def consequence(self) -> str:
        """A sentence or two, made when asked for: it needs the review's queue, and no list shows it."""
        review, left = self.review, self.review.deadline_at - self.now
        if review.status != ReviewTask.Status.PENDING:
            return "The review is closed."
        if review.deadline_source == ReviewTask.DeadlineSource.DEFAULT:
            return _of_a_guess(review, left)
        if left <= timedelta(0):
            return (
                "Step Functions has stopped waiting, so a decision can no longer reach the workflow. It"
                " took its timeout path."
            )
        return _of_a_deadline(review, left)


def deadline(review: ReviewTask, now: datetime) -> Deadline:
    """Describes a review's deadline at the database's time `now`.

    A deadline that only the queue's default gave is described as a guess.
    """
    left = review.deadline_at - now
    if review.status != ReviewTask.Status.PENDING:
        return Deadline(review, now, "calm", "clock", "Deadline")
    if review.deadline_source == ReviewTask.DeadlineSource.DEFAULT:
        label = "Perhaps passed" if left <= timedelta(0) else "Perhaps"
        return Deadline(review, now, "guess", "question-mark-circle", label)
    if left <= timedelta(0):
        return Deadline(review, now, "passed", "no-symbol", "Passed")
    if left <= CRITICAL:
        return Deadline(review, now, "critical", "exclamation-triangle", "Closing")
    if left * 4 <= review.deadline_at - review.sent_at:
        return Deadline(review, now, "soon", "bell-alert", "Due soon")
    return Deadline(review, now, "calm", "clock", "Due")


def _of_a_deadline(review: ReviewTask, left: timedelta) -> str:
    """What happens at the deadline of a message, by the queue's setting."""
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


def _of_a_guess(review: ReviewTask, left: timedelta) -> str:
    """What happens at the deadline of a message that gave none: the queue's default."""
    if left <= timedelta(0):
        return (
            "The message gave no deadline, and the queue's own has passed: AWS may already have"
            " closed this. A decision is still tried."
        )
    return (
        f"The message gave no deadline; this queue assumes {span(review.deadline_at - review.sent_at)}"
        " from its arrival. AWS may close it sooner or later than that."
    )
