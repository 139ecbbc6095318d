"""What is kept, and how long: rows that are past their retention are deleted in small batches.

Each table is walked by its primary key, a batch a statement and each in a transaction of its own, so that
no batch reads or locks more than BATCH rows and no index is needed. A walk begins again at its end. Of a batch
that fails each row is tried by itself: one that cannot be deleted stops no other.
docs/privacy.md says what the limits are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from approvals.exceptions import DATABASE_AWAY
from approvals.records import failing_rows

TASK = "purge"
BATCH = 1_000
BATCHES_AT_ONCE = 20  # of one table, in one turn


@dataclass(frozen=True)
class Rule:
    """Which rows of a table are past a retention of `%(kept)s` days or hours, as the setting says.

    `erased` empties columns, in place of deleting the row.
    """

    setting: str
    table: str
    key: str
    first: str
    due: str
    erased: tuple[str, ...] = ()


_SINCE = "< statement_timestamp() - %(kept)s * interval '1 day'"
RULES: Mapping[str, Rule] = {
    "sessions": Rule(
        "RETENTION_SESSIONS_DAYS", "django_session", "session_key", "", f"expire_date {_SINCE}"
    ),
    # A bucket that has not changed for so long is full, and the next one begins full.
    "rate buckets": Rule(
        "RETENTION_SIGN_IN_ATTEMPTS_HOURS",
        "approvals_ratebucket",
        "name",
        "",
        "filled_at < statement_timestamp() - %(kept)s * interval '1 hour'",
    ),
    "attempts": Rule(
        "RETENTION_OUTBOX_ATTEMPTS_DAYS",
        "approvals_outboxattempt",
        "id",
        "0",
        f"""ended_at {_SINCE} AND EXISTS (
            SELECT FROM approvals_outboxentry e
            WHERE e.id = entry_id AND e.state IN ('settled', 'cancelled'))""",
    ),
    "raw bodies": Rule(
        "RETENTION_RAW_BODIES_DAYS",
        "approvals_reviewtask",
        "id",
        "00000000-0000-0000-0000-000000000000",
        f"status <> 'pending' AND received_at {_SINCE} AND octet_length(raw_body) > 0",
        erased=("raw_body = ''", "sealed_extras = NULL"),
    ),
    "quarantine": Rule(
        "RETENTION_QUARANTINE_DAYS",
        "approvals_quarantinedmessage",
        "id",
        "00000000-0000-0000-0000-000000000000",
        f"GREATEST(replayed_at, discarded_at) {_SINCE}",
    ),
    "bulk items": Rule(
        "RETENTION_BULK_DECISIONS_DAYS",
        "approvals_bulkitem",
        "id",
        "00000000-0000-0000-0000-000000000000",
        f"EXISTS (SELECT FROM approvals_bulkjob j WHERE j.id = job_id AND j.ended_at {_SINCE})",
    ),
    "bulk jobs": Rule(
        "RETENTION_BULK_DECISIONS_DAYS",
        "approvals_bulkjob",
        "id",
        "00000000-0000-0000-0000-000000000000",
        f"""ended_at {_SINCE} AND NOT EXISTS (
            SELECT FROM approvals_bulkitem i WHERE i.job_id = approvals_bulkjob.id)""",
    ),
    "snapshots": Rule(
        "RETENTION_EXECUTION_SNAPSHOTS_DAYS",
        "approvals_executionsnapshot",
        "execution_arn",
        "",
        f"due_at IS NULL AND read_at {_SINCE}",
    ),
    "histories": Rule(
        "RETENTION_EXECUTION_SNAPSHOTS_DAYS",
        "approvals_executionreading",
        "execution_arn",
        "",
        f"asked_at IS NULL AND read_at {_SINCE}",
    ),
}
_DELETE, _ERASE = "DELETE FROM {table}", "UPDATE {table} SET {erased}"
# The condition stands twice: a row that changes meanwhile is judged again under its lock.
_BATCH = """
    WITH part AS (
        SELECT {key}, {due} AS due FROM {table} WHERE {key} > %(after)s ORDER BY {key} LIMIT %(batch)s
    ),
    done AS ({change} WHERE {key} IN (SELECT {key} FROM part WHERE due) AND {due} RETURNING 1)
    SELECT (SELECT {key} FROM part ORDER BY {key} DESC LIMIT 1), (SELECT count(*) FROM done)
"""


class Purge:
    """Walks the tables of RULES; one for a process, which remembers where each walk is."""

    def __init__(self) -> None:
        self._after: dict[str, Any] = {}

    def turn(self) -> int:
        """Walk on in each table, some batches at most; returns how many rows were past their retention.

        A walk that fails stops no other.
        """
        return sum(failing_rows.attempt(TASK, name, self._walk) or 0 for name in RULES)

    def _walk(self, name: str) -> int:
        rule = RULES[name]
        kept = getattr(settings, rule.setting)
        if not kept:
            return 0
        found = 0
        for _ in range(BATCHES_AT_ONCE):
            last, number = _batch_or_rows(name, self._after.get(name, rule.first), kept)
            found += number
            self._after[name] = rule.first if last is None else last
            if last is None:
                break
        return found


def _batch_or_rows(name: str, after: Any, kept: int) -> tuple[Any, int]:
    """Purge one batch behind a key, or each of its rows by itself if one of them cannot be purged.

    Returns the last key, None at the end, and how many rows were purged.
    """
    rule = RULES[name]
    try:
        return _batch(rule, after, kept)
    except DatabaseError as error:
        if isinstance(error, DATABASE_AWAY) and not failing_rows.is_of_one_row(error):
            raise
    keys, found = _keys(rule, after), 0
    for before, key in pairwise([after, *keys]):
        one = partial(_purge_row, rule, before, kept)
        found += failing_rows.attempt(f"{TASK} of {name}", key, one) or 0
    return (keys[-1] if keys else None), found


def _purge_row(rule: Rule, before: Any, kept: int, _key: Any) -> int:
    """Purge the one row behind a key, if it is past its retention; returns how many rows that were."""
    return _batch(rule, before, kept, batch=1)[1]


def _batch(rule: Rule, after: Any, kept: int, *, batch: int = 0) -> tuple[Any, int]:
    """Purge one batch behind a key; returns its last key, None at the end, and how many rows were purged."""
    change = _ERASE if rule.erased else _DELETE
    names = {
        "key": rule.key,
        "due": rule.due,
        "table": rule.table,
        "erased": ", ".join(rule.erased),
    }
    query = _BATCH.format(change=change.format(**names), **names)
    with connection.cursor() as cursor:
        cursor.execute(query, {"after": after, "batch": batch or BATCH, "kept": kept})
        last, number = cursor.fetchone() or (None, 0)
    return last, number


def _keys(rule: Rule, after: Any) -> list[Any]:
    """The keys of one batch behind a key."""
    query = (
        f"SELECT {rule.key} FROM {rule.table} WHERE {rule.key} > %s ORDER BY {rule.key} LIMIT %s"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [after, BATCH])
        return [key for (key,) in cursor.fetchall()]
