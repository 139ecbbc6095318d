"""Which executions are to be asked about, and when. Rows only; reconciliation makes the calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F
from django.db.models.functions import Least, Now

from approvals.models import ExecutionSnapshot

WHILE_ASKING = timedelta(seconds=60)  # no other worker asks meanwhile; a crash costs this long
AFTER_DEADLINE = timedelta(seconds=2)
BACK_OFF = timedelta(seconds=30)
WITHOUT_NEWS = timedelta(minutes=10)  # status events are best effort, so every execution is polled

_WATCH = """
    INSERT INTO approvals_executionsnapshot (execution_arn, status, due_at, asked)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::int[])
    ON CONFLICT (execution_arn) DO UPDATE SET
        due_at = LEAST(approvals_executionsnapshot.due_at, EXCLUDED.due_at)
"""


def watch(due: Mapping[str, datetime]) -> None:
    """Have each execution asked about at its time at the latest."""
    arns = sorted(arn for arn in due if arn)  # one order for all writers, against deadlocks
    if not arns:
        return
    blank, none = [""] * len(arns), [0] * len(arns)
    with connection.cursor() as cursor:
        cursor.execute(_WATCH, [arns, blank, [due[arn] for arn in arns], none])


def versions(arns: Iterable[str]) -> dict[str, str]:
    """The version of its state machine that each of these executions runs, if it is known."""
    known = ExecutionSnapshot.objects.filter(execution_arn__in={arn for arn in arns if arn})
    versioned = known.exclude(state_machine_version_arn="")
    return dict(versioned.values_list("execution_arn", "state_machine_version_arn"))


def hurry(arn: str) -> None:
    """Have an execution asked about as soon as possible, after an event about it."""
    ExecutionSnapshot.objects.filter(execution_arn=arn).update(due_at=Now())


def due(*, limit: int) -> list[str]:
    """The executions that are to be asked about now, the longest due first."""
    waiting = ExecutionSnapshot.objects.filter(due_at__lte=Now()).order_by("due_at")
    return list(waiting.values_list("execution_arn", flat=True)[:limit])


def take(arn: str) -> bool:
    """Take the turn to ask about an execution; False if it is not due, or another worker has the turn."""
    mine = ExecutionSnapshot.objects.filter(execution_arn=arn, due_at__lte=Now())
    return bool(mine.update(due_at=Now() + WHILE_ASKING, asked=F("asked") + 1))


def put_back(arn: str, *, status: str, again_at: datetime | None, version_arn: str = "") -> None:
    """Store the answer and when to ask again, unless `hurry` was called meanwhile: then it stays due.

    An empty `status` means that there was no answer: what was known before stays. So does the version
    of its state machine, which an execution never changes.
    """
    values = {"status": status, "read_at": Now()} if status else {}
    values |= {"state_machine_version_arn": version_arn} if version_arn else {}
    row = ExecutionSnapshot.objects.filter(execution_arn=arn)
    hurried = row.filter(due_at__lte=Now())
    if values:
        row.update(**values)
    if not hurried.exists():
        row.update(due_at=again_at)


def postpone(arn: str, length: timedelta) -> None:
    """Have it asked about again after this long, or earlier if that is due anyway."""
    ExecutionSnapshot.objects.filter(execution_arn=arn).update(
        due_at=Least(F("due_at"), Now() + length)
    )
