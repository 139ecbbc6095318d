"""The worker's periodic tasks: one function each, and in TASKS how often it runs.

A row that a task cannot work on is logged, pauses ever longer, and is left out of the task's query, so that
it stops no other row (`records.failing_rows`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value, Window
from django.db.models.functions import Least, Now, RowNumber

from approvals import bulk
from approvals.actions import assignment, decisions, lifecycle
from approvals.models import (
    ConnectionCheck,
    ExecutionSnapshot,
    Heartbeat,
    OutboxEntry,
    QueueCheck,
    ReviewQueue,
    ReviewTask,
)
from approvals.models.review_tasks import LONGEST_MARGIN, ReviewQuerySet
from approvals.orchestration.batches import distributed_map, runner
from approvals.polling import checking
from approvals.reconciliation import batch_executions, execution_history, executions
from approvals.records import (
    database_time,
    decision_rollups,
    execution_snapshots,
    failing_rows,
    idempotency,
    outbox,
    places,
    retention,
)

log = structlog.get_logger(__name__)

AT_ONCE = 100
OVERDUE_AT_ONCE = 500
PLACE_COLUMNS = (
    *("region", "role_arn", "sqs_url", "state_machine_arns"),
    *("probe_with_heartbeats", "heartbeat_seconds"),
)
PROBE_AGAIN = 60.0  # seconds
WAKE_UP_PATIENCE = timedelta(seconds=5)
LATE = timedelta(minutes=5)  # after which a decision that could have been sent counts as late

Source = ReviewTask.DeadlineSource


def decide_at_deadlines() -> int:
    """Decide open reviews as their queue's `at_deadline` says, up to 60 s before Step Functions stops waiting."""
    window = Least(Value(LONGEST_MARGIN), (F("deadline_at") - F("sent_at")) / 4)
    due = (
        ReviewTask.objects.pending()
        .exclude(queue__at_deadline=ReviewQueue.AtDeadline.LEAVE)
        .filter(
            deadline_source=Source.MESSAGE,
            deadline_at__gt=Now(),
            deadline_at__lte=Now() + LONGEST_MARGIN,
        )
        .annotate(margin=window)
        .filter(deadline_at__lte=Now() + F("margin"))
    )
    # The queues take turns: one that has many at once takes no other's last minute.
    turn = Window(RowNumber(), partition_by="queue", order_by="deadline_at")
    in_turn = due.annotate(turn=turn).order_by("turn", "deadline_at")
    return _for_each("deadlines", in_turn, decisions.decide_at_deadline)


def end_leases() -> int:
    """End the claims whose lease has run out."""
    claimed = ReviewTask.objects.pending().filter(assignee__isnull=False)  # for its partial index
    over = claimed.filter(lease_expires_at__lte=Now())
    return _for_each("leases", over, assignment.end_lease)


def _for_each(task: str, rows: QuerySet[Any], work: Callable[[UUID], object]) -> int:
    """Work on up to AT_ONCE of these rows by their ids, each by itself; returns at how many it did something."""
    able = rows.exclude(pk__in=failing_rows.paused(task))
    ids = list(able.values_list("pk", flat=True)[:AT_ONCE])
    return sum(bool(failing_rows.attempt(task, pk, work)) for pk in ids)


def ask_after_executions() -> int:
    """Ask about the executions whose time has come: deadlines, newer reviews, events, or long silence."""
    _hurry_for_closed_tokens()
    return executions.ask_due(limit=AT_ONCE)


def _hurry_for_closed_tokens() -> None:
    """Ask soon about executions whose token a heartbeat has found closed: the history shows how."""
    looks = ExecutionSnapshot.objects.filter(execution_arn=OuterRef("execution_arn"))
    described = looks.filter(read_at__gte=OuterRef("heartbeat__closed_at"))
    pausing = looks.filter(not_before__gt=Now())
    unknown = ReviewTask.objects.pending().filter(heartbeat__closed_at__isnull=False)
    unknown = unknown.exclude(heartbeat__ended_as=Heartbeat.End.TOKEN_REFUSED)
    unknown = unknown.exclude(execution_arn="").exclude(Exists(described)).exclude(Exists(pausing))
    able = unknown.exclude(execution_arn__in=failing_rows.paused("hurries"))
    for arn in set(able.values_list("execution_arn", flat=True)[:AT_ONCE]):
        failing_rows.attempt("hurries", arn, execution_snapshots.hurry)


class OverdueWalk:
    """Walks overdue reviews by deadline, on from where the last turn ended, and from the start at the end.

    So rows that stay overdue, with which a task has no work or whose work changes nothing, hide none behind.
    """

    def __init__(self) -> None:
        self._after: tuple[datetime, UUID] | None = None

    def turn(self, overdue: ReviewQuerySet, wanted: Callable[[ReviewTask], bool]) -> list[UUID]:
        """The ids of up to AT_ONCE `wanted` reviews among the next OVERDUE_AT_ONCE of `overdue`."""
        page = list(_named(self._behind(overdue)))
        found: list[UUID] = []
        for review in page:
            self._after = review.deadline_at, review.pk
            if wanted(review):
                found.append(review.pk)
            if len(found) == AT_ONCE:
                return found
        if len(page) < OVERDUE_AT_ONCE:
            self._after = None
        return found

    def _behind(self, overdue: ReviewQuerySet) -> ReviewQuerySet:
        if self._after is None:
            return overdue
        at, pk = self._after
        later = Q(deadline_at__gt=at) | Q(deadline_at=at, pk__gt=pk)
        return overdue.filter(later, deadline_at__gte=at)  # which an index serves


class Prober:
    """Probes overdue reviews that name no execution of their queue, by a heartbeat, if the queue allows it."""

    def __init__(self) -> None:
        self._next: dict[UUID, float] = {}
        self._walk = OverdueWalk()

    def turn(self) -> int:
        """Probe what is overdue and was not probed in the last minute; returns how many were."""
        allowed = Q(queue__probe_with_heartbeats=True) | Q(queue__heartbeat_seconds__isnull=False)
        undecided = (ReviewTask.Status.PENDING, ReviewTask.Status.UNPROVED)
        overdue = ReviewTask.objects.filter(allowed, status__in=undecided, deadline_at__lte=Now())
        able = overdue.exclude(pk__in=failing_rows.paused("probes"))
        now = time.monotonic()
        self._next = {pk: at for pk, at in self._next.items() if at > now}
        due = self._walk.turn(
            able, lambda row: row.pk not in self._next and not places.is_asked_after(row)
        )
        for pk in due:
            self._next[pk] = now + PROBE_AGAIN
            failing_rows.attempt("probes", pk, executions.probe)
        return len(due)


def put_unproved_aside() -> int:
    """Take reviews out of the open ones that are past their deadline and of which nothing can be proved."""
    able = ReviewTask.objects.overdue().exclude(pk__in=failing_rows.paused("unproved"))
    ids = _unproved.turn(able, lambda review: not places.is_provable(review))
    return sum(bool(failing_rows.attempt("unproved", pk, lifecycle.mark_unproved)) for pk in ids)


def _named(overdue: ReviewQuerySet) -> ReviewQuerySet:
    """The first of these overdue reviews, with what says whether their executions are asked after."""
    rows = overdue.select_related("queue").only(
        "execution_arn", "deadline_at", "queue", *(f"queue__{name}" for name in PLACE_COLUMNS)
    )
    return rows.order_by("deadline_at", "pk")[:OVERDUE_AT_ONCE]


def purge() -> int:
    """Delete what is past its retention."""
    keys = failing_rows.attempt("purge", "idempotency keys", lambda _: idempotency.purge())
    return (keys or 0) + _retention.turn()


def check_queues() -> int:
    """Ask AWS about the queues that somebody wants checked, if the wake-up was lost."""
    asked = QueueCheck.objects.filter(asked_at__lt=Now() - WAKE_UP_PATIENCE).filter(
        Q(checked_at=None) | Q(checked_at__lt=F("asked_at"))
    )
    able = asked.exclude(queue__in=failing_rows.paused("checks"))
    ids = list(able.values_list("queue", flat=True)[:AT_ONCE])
    for queue_id in ids:
        failing_rows.attempt("checks", queue_id, checking.check_and_store)
    unsaved = ConnectionCheck.objects.filter(
        checked_at=None, asked_at__lt=Now() - WAKE_UP_PATIENCE
    ).exclude(pk__in=failing_rows.paused("unsaved checks"))
    others = list(unsaved.values_list("pk", flat=True)[:AT_ONCE])
    for check_id in others:
        failing_rows.attempt("unsaved checks", check_id, checking.check_unsaved)
    return len(ids) + len(others)


def read_executions() -> int:
    """Read the executions that somebody wants to see, if the wake-up was lost."""
    return execution_history.read_asked(limit=AT_ONCE)


def draw_workflows() -> int:
    """Draw the workflows that are not drawn yet: pages show what is stored, and lay nothing out."""
    return execution_history.draw_undrawn(limit=AT_ONCE)


def report() -> None:
    """Log how old the oldest open review is, how many decisions are late, and on how many rows work fails.

    `failing_rows` are those of this process.
    deploy/template.yaml makes CloudWatch metrics of this line, and alarms if it stays away: a rename
    here needs one there. Seconds are 0 if nothing is open.
    """
    now = database_time.now()
    here = ReviewTask.objects.pending().filter(queue=OuterRef("pk")).order_by("received_at")
    asked = ReviewQueue.objects.annotate(oldest=Subquery(here.values("received_at")[:1]))
    oldest = [at for at in asked.values_list("oldest", flat=True) if at is not None]
    age = max(0.0, (now - min(oldest)).total_seconds()) if oldest else 0.0
    log.info(
        "desk.measured",
        oldest_open_review_seconds=round(age),
        late_decisions=outbox.late(OutboxEntry.Lane.CALLBACKS, LATE),
        failing_rows=len(failing_rows.FAILING),
    )


def work_on_batches() -> int:
    """Take the next turns of every order batch, and look after what its batch executions came to."""
    watch_batch_executions()
    return _batches.turn()


def watch_batch_executions() -> None:
    """Ask how far Distributed Maps are, and release the orders of batch executions that AWS refused."""
    distributed_map.ask_progress()
    batch_executions.release_refused(limit=10)


_batches = runner.Scheduler()
_retention = retention.Purge()
_unproved = OverdueWalk()
TASKS = {
    "batches": (work_on_batches, timedelta(seconds=1)),
    "bulk decisions": (bulk.run_due, timedelta(seconds=1)),
    "checks": (check_queues, timedelta(seconds=5)),
    "deadlines": (decide_at_deadlines, timedelta(seconds=1)),
    "leases": (end_leases, timedelta(seconds=5)),
    "drawings": (draw_workflows, timedelta(minutes=1)),
    "executions": (ask_after_executions, timedelta(seconds=1)),
    "histories": (read_executions, timedelta(seconds=2)),
    "probes": (Prober().turn, timedelta(seconds=5)),
    "unproved": (put_unproved_aside, timedelta(seconds=15)),
    "purge": (purge, timedelta(minutes=5)),
    "report": (report, timedelta(minutes=1)),
    "rollups": (decision_rollups.bring_up_to_date, timedelta(minutes=1)),
}
