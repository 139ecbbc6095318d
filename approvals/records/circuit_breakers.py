"""A circuit breaker for each queue, shared by all processes: while AWS refuses its calls, they wait.

Missing access, an unusable key and throttling are not caused by a decision: after a few such refusals
in a row only one probe at a time is sent, until one is not refused.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from approvals.models import Breaker, OutboxEntry
from approvals.models.outbox import Detail

log = structlog.get_logger(__name__)

STRIKES = 3
PAUSE = timedelta(seconds=10)


def held_back() -> list[UUID]:
    """The queues whose circuit is open, and whose next probe is not due yet."""
    open_now = Breaker.objects.filter(opened_at__isnull=False, retry_at__gt=Now())
    return list(open_now.values_list("queue", flat=True))


def admits(queue: UUID) -> bool:
    """Whether a call of this queue may be made: its breaker is closed, or this call is the probe."""
    breaker = Breaker.objects.filter(queue=queue, opened_at__isnull=False)
    if not breaker.exists():
        return True
    return bool(breaker.filter(retry_at__lte=Now()).update(retry_at=Now() + PAUSE))


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
    """AWS has accepted or judged a call of this queue: close the breaker, and make due what it held back."""
    removed, _ = Breaker.objects.filter(queue=queue).delete()
    if removed:
        freed = _waiting(queue).filter(detail=Detail.BREAKER_OPEN)
        freed.update(detail=Detail.RETRYING, not_before=Now())
        log.info("breaker.closed", queue=str(queue))


def _waiting(queue: UUID) -> QuerySet[OutboxEntry]:
    return OutboxEntry.objects.filter(queue=queue, state=OutboxEntry.State.WAITING)
