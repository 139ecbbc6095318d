"""A breaker for each queue, shared by all processes: while AWS refuses its answers, they wait.

Access that was taken away, a key that cannot be used and throttling are no decision's fault: after a
few refusals in a row nothing but one probe at a time leaves, until one is not refused.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import F
from django.db.models.functions import Now

from approvals.models import Breaker, OutboxEntry
from approvals.models.outbox import Detail

log = structlog.get_logger(__name__)

STRIKES = 3
PAUSE = timedelta(seconds=10)


def held_back() -> list[UUID]:
    """The queues whose answers wait, and whose next probe is not due yet."""
    closed = Breaker.objects.filter(opened_at__isnull=False, retry_at__gt=Now())
    return list(closed.values_list("queue", flat=True))


def admits(queue: UUID) -> bool:
    """Whether an answer of this queue may leave: its breaker is closed, or this one is the probe."""
    breaker = Breaker.objects.filter(queue=queue, opened_at__isnull=False)
    if not breaker.exists():
        return True
    return bool(breaker.filter(retry_at__lte=Now()).update(retry_at=Now() + PAUSE))


def strike(queue: UUID, reason: str) -> bool:
    """Count a refusal; returns whether the breaker is open now. Call it last in a transaction."""
    Breaker.objects.bulk_create([Breaker(queue_id=queue)], ignore_conflicts=True)
    Breaker.objects.filter(queue=queue).update(strikes=F("strikes") + 1, reason=reason[:100])
    full = Breaker.objects.filter(queue=queue, strikes__gte=STRIKES)
    if full.filter(opened_at=None).update(opened_at=Now(), retry_at=Now() + PAUSE):
        log.error("breaker.opened", queue=str(queue), reason=reason)
        # What another sender is at is not waiting for us to see, so no two of these wait in a ring.
        held = _waiting(queue).filter(detail__in=[Detail.QUEUED, Detail.RETRYING])
        held.update(detail=Detail.BREAKER_OPEN)
    return full.exists()


def relieve(queue: UUID) -> None:
    """AWS has taken or judged an answer of this queue: whatever waited may leave now."""
    removed, _ = Breaker.objects.filter(queue=queue).delete()
    if removed:
        freed = _waiting(queue).filter(detail=Detail.BREAKER_OPEN)
        freed.update(detail=Detail.RETRYING, not_before=Now())
        log.info("breaker.closed", queue=str(queue))


def _waiting(queue: UUID):  # type: ignore[no-untyped-def]
    return OutboxEntry.objects.filter(queue=queue, state=OutboxEntry.State.WAITING)
