"""What became of an order's execution: started or refused (in delivery's transaction), then ended."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from approvals.models import OrderExecution
from approvals.models.decisions import Surface
from approvals.records import audit, clock, snapshots

log = structlog.get_logger(__name__)

TOLD_BY_AWS = {"running", "succeeded", "failed", "timed_out", "aborted"}


def record_started(order: OrderExecution, arn: str, status: OrderExecution.Status) -> None:
    """Step Functions has taken the order: its execution's ARN is known from an answer, not built."""
    order.execution_arn, order.status, order.started_at = arn, status, clock.now()
    order.save(update_fields=["execution_arn", "status", "started_at"])
    snapshots.watch({arn: order.started_at + snapshots.WITHOUT_NEWS})
    _record(order, "order.started", {"execution_arn": arn, "status": str(status)})


def record_refused(order: OrderExecution, why: str) -> None:
    """Step Functions will not take the order as it is; `why` is a sentence for people."""
    order.status, order.refusal = OrderExecution.Status.REFUSED, why[:300]
    order.save(update_fields=["status", "refusal"])
    _record(order, "order.refused", {"why": why[:300]})


@transaction.atomic(durable=True)
def record_status(order_id: UUID, status: str) -> bool:
    """Step Functions says how the order's execution stands; False where that is no news.

    What has ended and runs again was redriven: that is news too, because it was described just now.
    """
    order = OrderExecution.objects.select_for_update().get(pk=order_id)
    known = {"pending_redrive": "running"}.get(status, status)
    if known == order.status or known not in TOLD_BY_AWS:
        return False
    before, order.status = order.status, OrderExecution.Status(known)
    order.save(update_fields=["status"])
    _record(order, f"order.{known}", {"before": before})
    return True


def _record(order: OrderExecution, kind: str, data: dict[str, str]) -> None:
    audit.record(
        audit.chain_of("order", order.pk), kind, by=None, surface=Surface.SYSTEM, data=data
    )
    log.info(kind, order=order.order_id, **data)
