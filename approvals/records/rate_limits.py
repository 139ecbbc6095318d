"""Allowances: how many requests a caller may still make, counted where all web processes see it.

A token bucket by the database's clock: it refills evenly, holds at most a burst, and a request that
is refused costs nothing.
"""

from __future__ import annotations

import math
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from approvals.exceptions import Throttled
from approvals.models import RateBucket

LEAST_BURST = 20
KEPT_FOR = timedelta(hours=1)  # the slowest bucket, one a minute, is full again after 20 minutes

_HOLDS = (
    'LEAST(%(burst)s, {0}."left" + %(per_second)s'
    " * GREATEST(0, extract(epoch FROM statement_timestamp() - {0}.filled_at)))"
)
# A count need not survive a crash, so its commit does not wait for the disk; `set_config` lasts as
# long as this one statement's transaction. The clock never runs back for who waited for the row.
_TAKE = f"""
    WITH hurry AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO approvals_ratebucket AS mine (name, "left", filled_at)
    SELECT %(name)s, %(burst)s - 1, statement_timestamp() FROM hurry
    ON CONFLICT (name) DO UPDATE SET
        "left" = {_HOLDS.format("mine")} - 1,
        filled_at = GREATEST(mine.filled_at, statement_timestamp())
    WHERE {_HOLDS.format("mine")} >= 1
"""  # noqa: S608  (all of it is written here)


def take(name: str, *, per_minute: int) -> None:
    """Count one request of `name`, in one statement that commits by itself; call it outside a verb.

    Raises Throttled (extra: retry_after, in seconds) where its allowance is used up. The burst is a
    sixth of a minute's rate, at least 20.
    """
    burst = float(max(LEAST_BURST, per_minute // 6))
    if not admits(name, per_second=per_minute / 60, burst=burst):
        raise Throttled(retry_after=math.ceil(60 / per_minute))


def admits(name: str, *, per_second: float, burst: float) -> bool:
    """Whether one more may go now, `burst` at once and `per_second` sustained; counts it if so."""
    asked: dict[str, str | float] = {"name": name, "burst": burst, "per_second": per_second}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, asked)
        return bool(cursor.rowcount == 1)


def purge() -> int:
    """Forget buckets that have filled up long ago; returns how many."""
    deleted, _ = RateBucket.objects.filter(filled_at__lt=Now() - KEPT_FOR).delete()
    return deleted
