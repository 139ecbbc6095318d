"""The banner of every page while a queue's circuit breaker is open: decisions go on, deliveries wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db.models import Window
from django.db.models.functions import RowNumber

from approvals.models import Decision, OutboxEntry, ReviewQueue, ReviewTask
from approvals.web.access import Access

MAX_NEAREST = 3


@dataclass(frozen=True)
class Outage:
    """A queue whose callbacks are held back: since when, why, and the decided reviews that are due first."""

    queue: ReviewQueue
    since: datetime | None
    reason: str
    nearest: Sequence[ReviewTask]


def outages(access: Access) -> list[Outage]:
    """The open breakers of the queues this person may see, the first opened first."""
    breakers = [queue.breaker for queue in access.queues if hasattr(queue, "breaker")]
    is_open = [breaker for breaker in breakers if breaker.opened_at is not None]
    nearest = _nearest([breaker.queue for breaker in is_open]) if is_open else {}
    return [
        Outage(breaker.queue, breaker.opened_at, breaker.reason, nearest.get(breaker.queue_id, []))
        for breaker in sorted(is_open, key=lambda breaker: cast("datetime", breaker.opened_at))
    ]


def _nearest(queues: Sequence[ReviewQueue]) -> dict[UUID, list[ReviewTask]]:
    """By queue, the decided reviews that will pass their deadline first if this lasts."""
    waiting = OutboxEntry.objects.filter(
        lane=OutboxEntry.Lane.CALLBACKS, state=OutboxEntry.State.WAITING, queue__in=queues
    )
    decided = Decision.objects.filter(pk__in=waiting.values("subject"))
    place = Window(RowNumber(), partition_by="queue", order_by="deadline_at")
    rows = ReviewTask.objects.without_secrets().defer("payload", "flags", "error_cause")
    rows = rows.filter(pk__in=decided.values("review"))
    found: dict[UUID, list[ReviewTask]] = {}
    for row in rows.annotate(place=place).filter(place__lte=MAX_NEAREST).order_by("deadline_at"):
        found.setdefault(row.queue_id, []).append(row)
    return found
