"""What is kept, and how long: rows that are past their retention are deleted in small batches.

Each table is walked by its primary key, a batch a statement and each in a transaction of its own, so that
no batch reads or locks more than BATCH rows and no index is needed. A walk begins again at its end.
docs/privacy.md says what the limits are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

BATCH = 1_000
BATCHES_AT_ONCE = 20  # of one table, in one turn


@dataclass(frozen=True)
class Rule:
    """Which rows of a table are past a retention of `%(days)s` days.

    `erased` empties columns, in place of deleting the row.
    """

    setting: str
    table: str
    key: str
    first: str
    due: str
    erased: tuple[str, ...] = ()


_SINCE = "< statement_timestamp() - %(days)s * interval '1 day'"
RULES: Mapping[str, Rule] = {
    "sessions": Rule(
        "RETENTION_SESSIONS_DAYS", "django_session", "session_key", "", f"expire_date {_SINCE}"
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
        """Walk on in each table, some batches at most; returns how many rows were past their retention."""
        return sum(self._walk(name, rule) for name, rule in RULES.items())

    def _walk(self, name: str, rule: Rule) -> int:
        days = getattr(settings, rule.setting)
        if not days:
            return 0
        found = 0
        for _ in range(BATCHES_AT_ONCE):
            last, number = _batch(rule, self._after.get(name, rule.first), days)
            found += number
            self._after[name] = rule.first if last is None else last
            if last is None:
                break
        return found


def _batch(rule: Rule, after: Any, days: int) -> tuple[Any, int]:
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
        cursor.execute(query, {"after": after, "batch": BATCH, "days": days})
        last, number = cursor.fetchone() or (None, 0)
    return last, number
