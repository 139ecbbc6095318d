"""What became of an order's execution. The caller holds the order's row and its transaction."""

from __future__ import annotations

import structlog

from approvals.models import OrderExecution
from approvals.models.decisions import Surface
from approvals.records import audit, clock

log = structlog.get_logger(__name__)


def record_started(order: OrderExecution, arn: str, status: OrderExecution.Status) -> None:
    """Step Functions has taken the order: its execution's ARN is known from an answer, not built."""
    order.execution_arn, order.status, order.started_at = arn, status, clock.now()
    order.save(update_fields=["execution_arn", "status", "started_at"])
    _record(order, "order.started", {"execution_arn": arn, "status": str(status)})


def record_refused(order: OrderExecution, why: str) -> None:
    """Step Functions will not take the order as it is; `why` is a sentence for people."""
    order.status, order.refusal = OrderExecution.Status.REFUSED, why[:300]
    order.save(update_fields=["status", "refusal"])
    _record(order, "order.refused", {"why": why[:300]})


def _record(order: OrderExecution, kind: str, data: dict[str, str]) -> None:
    audit.record(
        audit.chain_of("order", order.pk), kind, by=None, surface=Surface.SYSTEM, data=data
    )
    log.info(kind, order=order.order_id, **data)
