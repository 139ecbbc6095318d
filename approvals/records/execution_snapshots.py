"""The schedule by which reconciliation asks Step Functions for the status of executions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F
from django.db.models.functions import Least, Now

from approvals.models import ExecutionSnapshot

WHILE_ASKING = timedelta(seconds=60)  # no other worker asks meanwhile, nor after a crash
AFTER_DEADLINE = timedelta(seconds=2)
BACK_OFF = timedelta(seconds=30)
WITHOUT_NEWS = timedelta(minutes=10)  # status events are best effort, so every execution is polled

# A look as far ahead as the routine one is routine, give or take the second that a transaction takes.
_WATCH = """
    INSERT INTO approvals_executionsnapshot AS known (execution_arn, status, due_at, asked, routine)
    SELECT arn, '', at, 0, at > statement_timestamp() + make_interval(secs => %s)
    FROM unnest(%s::text[], %s::timestamptz[]) AS wanted (arn, at)
    ON CONFLICT (execution_arn) DO UPDATE SET
        due_at = EXCLUDED.due_at, routine = EXCLUDED.routine
    WHERE known.due_at IS NULL OR EXCLUDED.due_at < known.due_at
"""
_ROUTINE_FROM = (WITHOUT_NEWS - timedelta(seconds=1)).total_seconds()


def watch(due: Mapping[str, datetime]) -> None:
    """Schedule a look at each execution, at the given time at the latest."""
    arns = sorted(arn for arn in due if arn)  # one order for all writers, against deadlocks
    if not arns:
        return
    with connection.cursor() as cursor:
        cursor.execute(_WATCH, [_ROUTINE_FROM, arns, [due[arn] for arn in arns]])


def versions(arns: Iterable[str]) -> dict[str, str]:
    """The versions of the state machines that these executions run, by execution ARN, as far as stored."""
    rows = ExecutionSnapshot.objects.filter(execution_arn__in={arn for arn in arns if arn})
    versioned = rows.exclude(state_machine_version_arn="")
    return dict(versioned.values_list("execution_arn", "state_machine_version_arn"))


def hurry(arn: str) -> None:
    """Make an execution due at once, after an event about it."""
    ExecutionSnapshot.objects.filter(execution_arn=arn).update(due_at=Now(), routine=False)


def due(*, limit: int) -> list[str]:
    """The ARNs of due executions, routine looks last, each kind by how long it has been due."""
    waiting = ExecutionSnapshot.objects.filter(due_at__lte=Now()).order_by("due_at")
    arns = waiting.values_list("execution_arn", flat=True)
    urgent = list(arns.filter(routine=False)[:limit])
    left = limit - len(urgent)
    return urgent + (list(arns.filter(routine=True)[:left]) if left else [])


def take(arn: str) -> bool:
    """Take the turn to ask about an execution; False if it is not due, or another worker has the turn."""
    mine = ExecutionSnapshot.objects.filter(execution_arn=arn, due_at__lte=Now())
    return bool(mine.update(due_at=Now() + WHILE_ASKING, asked=F("asked") + 1))


def put_back(
    arn: str,
    *,
    status: str,
    again_at: datetime | None,
    routine: bool = False,
    version_arn: str = "",
) -> None:
    """Store the answer and when to ask again, unless `hurry` was called meanwhile: then it stays due.

    With an empty `status` there was no answer, and the stored one stays. An empty `version_arn` keeps the
    stored version, which an execution never changes.
    """
    values = {"status": status, "read_at": Now()} if status else {}
    values |= {"state_machine_version_arn": version_arn} if version_arn else {}
    row = ExecutionSnapshot.objects.filter(execution_arn=arn)
    hurried = row.filter(due_at__lte=Now())
    if values:
        row.update(**values)
    if not hurried.exists():
        row.update(due_at=again_at, routine=routine)


def postpone(arn: str, length: timedelta) -> None:
    """Schedule the next look after this time, or earlier if it is due earlier."""
    ExecutionSnapshot.objects.filter(execution_arn=arn).update(
        due_at=Least(F("due_at"), Now() + length)
    )
