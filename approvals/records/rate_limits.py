"""Rate limits: token buckets that all processes share.

A bucket refills evenly by the database's clock and holds at most a burst; a refused request takes
nothing.
"""

from __future__ import annotations

import math
from typing import Any

from django.db import connection, transaction

from approvals.exceptions import Throttled

LEAST_BURST = 20

_HOLDS = (
    'LEAST(%(burst)s, mine."left" + %(per_second)s'
    " * GREATEST(0, extract(epoch FROM statement_timestamp() - mine.filled_at)))"
)
# Takes from the bucket `name` if the CTE `asking` has a row. A count may be lost in a crash, so its commit
# does not wait for the disk; `set_config` lasts as long as the transaction. GREATEST keeps a request
# that waited for the row from setting its clock back.
_TAKEN = f"""
    no_wait AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    taken AS (
        INSERT INTO approvals_ratebucket AS mine (name, "left", filled_at)
        SELECT %(name)s, %(burst)s - %(amount)s, statement_timestamp() FROM asking, no_wait
        ON CONFLICT (name) DO UPDATE SET
            "left" = {_HOLDS} - %(amount)s,
            filled_at = GREATEST(mine.filled_at, statement_timestamp())
        WHERE {_HOLDS} >= %(amount)s
        RETURNING "left"
    )
"""  # noqa: S608  (all of it is written here)
_TAKE = f'WITH asking AS (SELECT 1), {_TAKEN} SELECT "left" FROM taken'  # noqa: S608

_GIVE_BACK = 'UPDATE approvals_ratebucket SET "left" = LEAST(%s, "left" + 1) WHERE name = %s'


def take(name: str, *, per_minute: int, amount: int = 1) -> None:
    """Take the tokens of so many requests of `name`, or none; outside a transaction, so that it commits at once.

    Raises Throttled (extra: retry_after, in seconds) if the bucket is empty. The burst is a
    sixth of a minute's rate, at least 20.
    """
    if _take(amount, name, per_minute / 60, _burst(per_minute)) is None:
        raise throttled(per_minute)


def take_if(
    query: str, parameters: dict[str, Any], name: str, *, per_minute: int
) -> tuple[tuple[Any, ...], bool] | None:
    """Take a token as `take` does, if an SQL query finds a row: both in one statement.

    Returns the row and whether there was a token, None without a row. The query finds at most one row;
    its parameters must not be named name, amount, burst or per_second.
    """
    counting = f"""
        WITH asking AS MATERIALIZED ({query}), {_TAKEN}
        SELECT asking.*, taken."left" IS NOT NULL FROM asking LEFT JOIN taken ON true
    """  # noqa: S608  (the query is a constant of the caller)
    with connection.cursor() as cursor:
        cursor.execute(
            counting, parameters | _parameters(1, name, per_minute / 60, _burst(per_minute))
        )
        row = cursor.fetchone()
    return None if row is None else (row[:-1], row[-1])


def throttled(per_minute: int) -> Throttled:
    """The refusal of a request whose bucket is empty; `retry_after` is when the next token comes, in seconds."""
    return Throttled(retry_after=math.ceil(60 / per_minute))


def admits(name: str, *, per_second: float, burst: float) -> bool:
    """Take a token if there is one; returns whether there was. `burst` at once, `per_second` sustained."""
    return _take(1, name, per_second, burst) is not None


def give_back(name: str, *, burst: float) -> None:
    """Put back a token that `admits` has taken, if the bucket has room."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, [burst, name])


@transaction.atomic(durable=True)
def take_up_to(wanted: int, name: str, *, per_second: float, burst: float) -> int:
    """Take up to `wanted` tokens; returns how many, a whole number."""
    left = _take(0, name, per_second, burst)  # refills the bucket and locks its row
    given = min(wanted, int(left or 0))
    if given > 0:
        _take(given, name, per_second, burst)
    return given


def _take(amount: int, name: str, per_second: float, burst: float) -> float | None:
    """Take `amount` tokens; returns how many are left, or None if there were too few and none was taken."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, _parameters(amount, name, per_second, burst))
        row = cursor.fetchone()
    return None if row is None else float(row[0])


def _burst(per_minute: int) -> float:
    return float(max(LEAST_BURST, per_minute // 6))


def _parameters(amount: int, name: str, per_second: float, burst: float) -> dict[str, Any]:
    return {"name": name, "amount": amount, "burst": burst, "per_second": per_second}
