"""The banner of every page while a queue's circuit breaker is open: decisions go on, deliveries wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals import policy
from approvals.actors import Actor
from approvals.models import Breaker, Decision, OutboxEntry, ReviewQueue, ReviewTask

MAX_NEAREST = 3


@dataclass(frozen=True)
class Outage:
    """A queue whose callbacks are held back: since when, why, and the decided reviews that are due first."""

    queue: ReviewQueue
    since: datetime | None
    reason: str
    nearest: Sequence[ReviewTask]


def outages(actor: Actor) -> list[Outage]:
    """The open breakers of the queues this person may see."""
    seen = policy.visible_queues(actor).order_by()
    breakers = Breaker.objects.filter(opened_at__isnull=False, queue__in=seen)
    return [
        Outage(breaker.queue, breaker.opened_at, breaker.reason, _nearest(breaker.queue))
        for breaker in breakers.select_related("queue").order_by("opened_at")
    ]


def _nearest(queue: ReviewQueue) -> list[ReviewTask]:
    """The decided reviews of a queue that will pass their deadline first if this lasts."""
    waiting = OutboxEntry.objects.filter(
        lane=OutboxEntry.Lane.CALLBACKS, state=OutboxEntry.State.WAITING, queue=queue
    )
    decided = Decision.objects.filter(pk__in=waiting.values("subject"))
    rows = ReviewTask.objects.without_secrets().filter(pk__in=decided.values("review"))
    return list(rows.order_by("deadline_at")[:MAX_NEAREST])
