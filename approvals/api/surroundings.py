"""What responses show of reviews beyond their rows, read in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approvals.models import OutboxEntry, ReviewTask
from approvals.records import database_time, statements

_ENTRY = statements.Columns(OutboxEntry, "e", but=["payload"])
_ENTRY_ID = _ENTRY.position("id")
# Written out, because Django takes longer to build three such statements than PostgreSQL to answer them.
_AROUND = f"""
SELECT statement_timestamp(), asked.arn, s.state_machine_version_arn, {_ENTRY.sql}
FROM unnest(%s::uuid[], %s::text[]) AS asked (decision, arn)
LEFT JOIN approvals_outboxentry e ON e.kind = %s AND e.subject = asked.decision
LEFT JOIN approvals_executionsnapshot s
    ON s.execution_arn = asked.arn AND s.execution_arn <> '' AND s.state_machine_version_arn <> ''
"""  # noqa: S608


@dataclass(frozen=True)
class Surroundings:
    """What a response shows of reviews beyond their rows.

    `now` is the database's clock, with which leases are compared, `deliveries` are outbox entries by the
    ids of decisions, `versions` ARNs of state machines' versions by the ARNs of executions.
    """

    now: datetime
    deliveries: Mapping[UUID, OutboxEntry]
    versions: Mapping[str, str]


def around(rows: Sequence[ReviewTask]) -> Surroundings:
    """What responses show of these reviews beyond their rows, as it is now."""
    if not rows:
        return Surroundings(database_time.now(), {}, {})
    asked = [row.decision_id for row in rows], [row.execution_arn for row in rows]
    found = statements.all_rows(_AROUND, [*asked, OutboxEntry.Kind.CALLBACK.value])
    entries = [_ENTRY.instance(row[3:]) for row in found if row[3 + _ENTRY_ID]]
    return Surroundings(
        found[0][0],
        {entry.subject: entry for entry in entries},
        {arn: version for _, arn, version, *_ in found if version},
    )
