"""Rate limits: how many requests may still be made, counted once for all processes.

A token bucket by the database's clock: it refills evenly, holds at most a burst, and a request that
is refused costs nothing.
"""

from __future__ import annotations

import math
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from approvals.exceptions import Throttled
from approvals.models import RateBucket

LEAST_BURST = 20
KEPT_FOR = timedelta(hours=1)  # the slowest bucket, one a minute, is full again after 20 minutes

_HOLDS = (
    'LEAST(%(burst)s, mine."left" + %(per_second)s'
    " * GREATEST(0, extract(epoch FROM statement_timestamp() - mine.filled_at)))"
)
# A count need not survive a crash, so its commit does not wait for the disk; `set_config` lasts as
# long as the transaction. A request that waited for the row never sets its clock back.
_TAKE = f"""
    WITH hurry AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO approvals_ratebucket AS mine (name, "left", filled_at)
    SELECT %(name)s, %(burst)s - %(amount)s, statement_timestamp() FROM hurry
    ON CONFLICT (name) DO UPDATE SET
        "left" = {_HOLDS} - %(amount)s,
        filled_at = GREATEST(mine.filled_at, statement_timestamp())
    WHERE {_HOLDS} >= %(amount)s
    RETURNING "left"
"""  # noqa: S608  (all of it is written here)


def take(name: str, *, per_minute: int) -> None:
    """Count one request of `name`, in one statement that commits by itself; call it outside a verb.

    Raises Throttled (extra: retry_after, in seconds) if its rate limit is used up. The burst is a
    sixth of a minute's rate, at least 20.
    """
    burst = float(max(LEAST_BURST, per_minute // 6))
    if not admits(name, per_second=per_minute / 60, burst=burst):
        raise Throttled(retry_after=math.ceil(60 / per_minute))


def admits(name: str, *, per_second: float, burst: float) -> bool:
    """Whether one more may go now, `burst` at once and `per_second` sustained; counts it if so."""
    return _take(1, name, per_second, burst) is not None


@transaction.atomic(durable=True)
def take_up_to(wanted: int, name: str, *, per_second: float, burst: float) -> int:
    """Count as many of the wanted requests as may go now; returns how many, none of them in part."""
    left = _take(0, name, per_second, burst)  # refills the bucket and locks its row
    given = min(wanted, int(left or 0))
    if given > 0:
        _take(given, name, per_second, burst)
    return given


def purge() -> int:
    """Forget buckets that have filled up long ago; returns how many."""
    deleted, _ = RateBucket.objects.filter(filled_at__lt=Now() - KEPT_FOR).delete()
    return deleted


def _take(amount: int, name: str, per_second: float, burst: float) -> float | None:
    """What a bucket holds after `amount` was taken; None if it held less; then nothing is taken."""
    asked: dict[str, str | float] = {"name": name, "amount": amount}
    asked |= {"burst": burst, "per_second": per_second}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, asked)
        row = cursor.fetchone()
    return None if row is None else float(row[0])
