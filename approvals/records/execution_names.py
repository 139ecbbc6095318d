"""The names of the executions we start: the same order or batch always makes the same name.

A name makes StartExecution idempotent, so a start that is sent twice is one execution.
"""

from __future__ import annotations

import hashlib
import re
from uuid import UUID

from approvals.models import OrderExecution

MAX_NAME = 80  # API reference, StartExecution: name


def of_order(order_id: str) -> str:
    """`order-<id>`; an id that is long or has characters Step Functions or CloudWatch forbids is hashed."""
    name = f"order-{order_id}"
    if re.fullmatch(r"[0-9A-Za-z_-]+", name) and len(name) <= MAX_NAME:
        return name
    return _hashed(order_id)


def of_attempt(last: OrderExecution, attempt: int) -> str:
    """`order-<id>-r2`; hashed if it is too long, or the name of another order's first attempt."""
    first = last.name.removesuffix(f"-r{last.attempt}") if last.attempt > 1 else last.name
    name = f"{first}-r{attempt}"
    others = OrderExecution.objects.filter(
        state_machine_arn=last.state_machine_arn, order_id=f"{last.order_id}-r{attempt}"
    )
    if len(name) <= MAX_NAME and not others.exists():
        return name
    return f"{_hashed(last.order_id)}-r{attempt}"


def of_batch(batch: UUID, number: int) -> str:
    """`batch-<id>-<number>`: the batch execution of this number."""
    return f"batch-{batch}-{number}"


def _hashed(order_id: str) -> str:
    return f"order-{hashlib.sha256(order_id.encode()).hexdigest()[:40]}"
