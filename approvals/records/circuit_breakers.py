"""A circuit breaker for each queue, shared by all processes: while AWS refuses its calls, they wait.

Missing permissions, an unusable key and throttling are not caused by one decision. After STRIKES such
refusals in a row, one probe at a time is sent (`callback_leases`), until AWS accepts one.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now

from approvals.models import Breaker, OutboxEntry
from approvals.models.outbox import Detail

log = structlog.get_logger(__name__)

STRIKES = 3
PAUSE = timedelta(seconds=10)


def held_back() -> list[UUID]:
    """The ids of queues whose breaker is open and whose next probe is not due yet."""
    open_now = Breaker.objects.filter(opened_at__isnull=False, retry_at__gt=Now())
    return list(open_now.values_list("queue", flat=True))


def hold_back(entry_id: UUID) -> None:
    """Set the detail of a due entry to `breaker_open` if the breaker of its queue is open."""
    open_now = Breaker.objects.filter(queue=OuterRef("queue"), opened_at__isnull=False)
    due = OutboxEntry.objects.filter(state=OutboxEntry.State.WAITING, not_before__lte=Now())
    due.filter(Exists(open_now), pk=entry_id).update(detail=Detail.BREAKER_OPEN)


def record_refusal(queue: UUID, reason: str) -> bool:
    """Count a refusal; returns whether the breaker is open now. Call it last in a transaction."""
    Breaker.objects.bulk_create([Breaker(queue_id=queue)], ignore_conflicts=True)
    Breaker.objects.filter(queue=queue).update(strikes=F("strikes") + 1, reason=reason[:100])
    full = Breaker.objects.filter(queue=queue, strikes__gte=STRIKES)
    if full.filter(opened_at=None).update(opened_at=Now(), retry_at=Now() + PAUSE):
        log.error("breaker.opened", queue=str(queue), reason=reason)
        # An entry that another sender has locked is not in state waiting, so no deadlock can arise.
        held = _waiting(queue).filter(detail__in=[Detail.QUEUED, Detail.RETRYING])
        held.update(detail=Detail.BREAKER_OPEN)
    return full.exists()


def close(queue: UUID) -> None:
    """Close the breaker of a queue, and make due the entries that it has held back."""
    removed, _ = Breaker.objects.filter(queue=queue).delete()
    if removed:
        freed = _waiting(queue).filter(detail=Detail.BREAKER_OPEN)
        freed.update(detail=Detail.RETRYING, not_before=Now())
        log.info("breaker.closed", queue=str(queue))


def _waiting(queue: UUID) -> QuerySet[OutboxEntry]:
    return OutboxEntry.objects.filter(queue=queue, state=OutboxEntry.State.WAITING)
