"""Paces the starts of executions under the account's quota, for all processes together.

A sender that may not start an execution now waits, with nothing leased and no row locked. After a
second without success it leaves the entry, which stays due for the next sender.
"""

from __future__ import annotations

import time

from django.conf import settings

from approvals import arns
from approvals.models import OutboxEntry
from approvals.records import rate_limits, service_quotas

PATIENCE = 1.0  # seconds
STARTS = (OutboxEntry.Kind.START, OutboxEntry.Kind.START_BATCH)


def admits(kind: str) -> bool:
    """Whether the quota lets an entry of this kind go within a second; only starts of executions count."""
    if kind not in STARTS:
        return True
    region = _region()
    per_second, burst = service_quotas.starts(region, settings.EXECUTION_STARTS_PER_SECOND)
    until = time.monotonic() + PATIENCE
    while not rate_limits.admits(f"starts:{region}", per_second=per_second, burst=burst):
        if time.monotonic() > until:
            return False
        time.sleep(min(PATIENCE, 1 / per_second))
    return True


def _region() -> str:
    """The region of the order workflow: its orders and batch executions are started there."""
    try:
        return arns.region_of(settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN)
    except ValueError:
        return str(settings.AWS_REGION)
