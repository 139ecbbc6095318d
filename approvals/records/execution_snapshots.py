"""The schedule by which reconciliation asks Step Functions for the status of executions.

Executions that AWS has proved come before those that only a message names, and questions that find
nothing new pause ever longer: neither how many messages come nor what they name decides how often is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, When
from django.db.models.functions import Least, Now

from approvals.models import ExecutionSnapshot, ReviewTask
from approvals.records import statements

WHILE_ASKING = timedelta(seconds=60)  # no other worker asks meanwhile, nor after a crash
AFTER_DEADLINE = timedelta(seconds=2)
BACK_OFF = timedelta(seconds=30)
WITHOUT_NEWS = timedelta(minutes=10)  # status events are best effort, so every execution is polled
LONGEST_PAUSE = timedelta(hours=1)  # of an execution that only messages name
GONE = "gone"  # AWS does not know the execution (any more)
MOST_IDLE_LOOKS = 100  # counted; the pause is the longest long before

# A look as far ahead as the routine one is routine, give or take the second that a transaction takes.
_EARLIEST = "CASE WHEN EXCLUDED.proved THEN EXCLUDED.due_at ELSE GREATEST(EXCLUDED.due_at, known.not_before) END"
_IS_SOONER = f"(known.due_at IS NULL OR {_EARLIEST} < known.due_at)"
_WATCH = f"""
    INSERT INTO approvals_executionsnapshot AS known (execution_arn, status, due_at, asked, routine, proved)
    SELECT arn, '', at, 0, at > statement_timestamp() + make_interval(secs => %s), %s
    FROM unnest(%s::text[], %s::timestamptz[]) AS wanted (arn, at)
    ON CONFLICT (execution_arn) DO UPDATE SET
        due_at = CASE WHEN {_IS_SOONER} THEN {_EARLIEST} ELSE known.due_at END,
        routine = CASE WHEN {_IS_SOONER} THEN EXCLUDED.routine ELSE known.routine END,
        proved = known.proved OR EXCLUDED.proved
    WHERE {_IS_SOONER} OR EXCLUDED.proved > known.proved
"""  # noqa: S608
_TAKE = """
    UPDATE approvals_executionsnapshot SET due_at = statement_timestamp() + %s, asked = asked + 1
    WHERE execution_arn = %s AND due_at <= statement_timestamp() RETURNING idle_looks, proved
"""
_ROUTINE_FROM = (WITHOUT_NEWS - timedelta(seconds=1)).total_seconds()


class Turn(NamedTuple):
    """The turn to ask about an execution: how many looks in a row found nothing new, and whether it is proved."""

    idle_looks: int
    proved: bool

    @property
    def pause(self) -> timedelta:
        """The pause after this look if it finds nothing new: twice that before it, up to a longest one."""
        longest = WITHOUT_NEWS if self.proved else LONGEST_PAUSE
        doublings: int = 2 ** min(self.idle_looks, 16)
        return min(longest, BACK_OFF * doublings)


def watch(due: Mapping[str, datetime], *, proved: bool = False) -> None:
    """Schedule a look at each execution, at the given time at the latest.

    With `proved`, AWS itself has named them. Without it a message has, which never shortens the pause
    after looks that found nothing new.
    """
    arns = sorted(arn for arn in due if arn)  # one order for all writers, against deadlocks
    if not arns:
        return
    with connection.cursor() as cursor:
        cursor.execute(_WATCH, [_ROUTINE_FROM, proved, arns, [due[arn] for arn in arns]])


def hurry(arn: str) -> None:
    """Make an execution due at once, after an event of AWS about it, or an answer about a token of it."""
    ExecutionSnapshot.objects.filter(execution_arn=arn).update(
        due_at=Now(), routine=False, proved=True
    )


def record_proved(reviews: Iterable[UUID]) -> None:
    """Record that AWS has accepted a token of each of these reviews, so that their executions exist."""
    arns = ReviewTask.objects.filter(pk__in=list(reviews)).exclude(execution_arn="")
    named = ExecutionSnapshot.objects.filter(execution_arn__in=arns.values("execution_arn"))
    named.filter(proved=False).update(proved=True)


def due(*, limit: int, proved: bool, but: Iterable[str] = ()) -> list[str]:
    """The ARNs of due executions, routine looks last, each kind by how long it has been due.

    `but` are beginnings of ARNs that are left out.
    """
    waiting = ExecutionSnapshot.objects.filter(due_at__lte=Now(), proved=proved).order_by("due_at")
    for beginning in but:
        waiting = waiting.exclude(execution_arn__startswith=beginning)
    arns = waiting.values_list("execution_arn", flat=True)
    urgent = list(arns.filter(routine=False)[:limit])
    left = limit - len(urgent)
    return urgent + (list(arns.filter(routine=True)[:left]) if left else [])


def take(arn: str) -> Turn | None:
    """Take the turn to ask about an execution; None if it is not due, or another worker has the turn."""
    taken = statements.first_row(_TAKE, [WHILE_ASKING, arn])
    return None if taken is None else Turn(*taken)


def put_back(
    arn: str,
    *,
    status: str,
    again_at: datetime | None,
    routine: bool = False,
    version_arn: str = "",
    idle: bool = False,
) -> None:
    """Store the answer and when to ask again, unless `hurry` was called meanwhile: then it stays due.

    With an empty `status` there was no answer, and the stored one stays. An empty `version_arn` keeps the
    stored version, which an execution never changes. `idle` says that the look found nothing new, so
    that no message makes the execution due before `again_at`.
    """
    values = {"status": status, "read_at": Now()} if status else {}
    values |= {"proved": True} if status not in {"", GONE} else {}
    values |= {"state_machine_version_arn": version_arn} if version_arn else {}
    values |= _counted(idle, again_at)
    row = ExecutionSnapshot.objects.filter(execution_arn=arn)
    hurried = row.filter(due_at__lte=Now())
    row.update(**values)
    if not hurried.exists():
        row.update(due_at=again_at, routine=routine)


def postpone(arn: str, length: timedelta, *, proved: bool = True) -> None:
    """Schedule the next look after this time, because this one found nothing new.

    If `hurry` was called meanwhile, it stays due. The next look of an execution that is not proved is
    routine, so that those that were never asked about come first.
    """
    again_at = Now() + length
    routine = {} if proved else {"routine": True}
    later = Case(When(due_at__lte=Now(), then=F("due_at")), default=again_at)
    ExecutionSnapshot.objects.filter(execution_arn=arn).update(
        due_at=later, **_counted(True, again_at), **routine
    )


def _counted(idle: bool, again_at: Any) -> dict[str, Any]:
    """The columns that count looks in a row without anything new."""
    if not idle:
        return {"idle_looks": 0, "not_before": None}
    return {"idle_looks": Least(F("idle_looks") + 1, MOST_IDLE_LOOKS), "not_before": again_at}
