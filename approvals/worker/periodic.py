"""The worker's periodic tasks: one function each, and in TASKS how often it runs."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Least, Now

from approvals.actions import assignment, decisions, lifecycle
from approvals.models import ExecutionSnapshot, OutboxEntry, QueueCheck, ReviewQueue, ReviewTask
from approvals.models.review_tasks import LONGEST_MARGIN
from approvals.orchestration.batches import distributed_map, runner
from approvals.polling import checking
from approvals.reconciliation import batch_executions, execution_history, executions
from approvals.records import (
    database_time,
    execution_snapshots,
    idempotency,
    outbox,
    rate_limits,
    retention,
)

log = structlog.get_logger(__name__)

AT_ONCE = 100
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
    ids = list(due.order_by("deadline_at").values_list("pk", flat=True)[:AT_ONCE])
    return sum(decisions.decide_at_deadline(pk) is not None for pk in ids)


def end_leases() -> int:
    """End the claims whose lease has run out."""
    claimed = ReviewTask.objects.pending().filter(assignee__isnull=False)  # for its partial index
    over = claimed.filter(lease_expires_at__lte=Now())
    return sum(assignment.end_lease(pk) for pk in list(over.values_list("pk", flat=True)[:AT_ONCE]))


def ask_after_executions() -> int:
    """Ask about the executions whose time has come: deadlines, newer reviews, events, or long silence."""
    _hurry_for_closed_tokens()
    return executions.ask_due(limit=AT_ONCE)


def _hurry_for_closed_tokens() -> None:
    """Ask soon about executions whose token a heartbeat has found closed: the history shows how."""
    described = ExecutionSnapshot.objects.filter(
        execution_arn=OuterRef("execution_arn"), read_at__gte=OuterRef("heartbeat__closed_at")
    )
    unknown = ReviewTask.objects.pending().filter(heartbeat__closed_at__isnull=False)
    for arn in unknown.exclude(Exists(described)).values_list("execution_arn", flat=True)[:AT_ONCE]:
        execution_snapshots.hurry(arn)


class Prober:
    """Probes overdue reviews that name no execution, by a heartbeat, if the queue allows it."""

    def __init__(self) -> None:
        self._next: dict[UUID, float] = {}

    def turn(self) -> int:
        """Probe what is overdue and was not probed in the last minute; returns how many were."""
        allowed = Q(queue__probe_with_heartbeats=True) | Q(queue__heartbeat_seconds__isnull=False)
        undecided = (ReviewTask.Status.PENDING, ReviewTask.Status.UNPROVED)
        overdue = ReviewTask.objects.filter(
            allowed, status__in=undecided, execution_arn="", deadline_at__lte=Now()
        )
        ids = list(overdue.order_by("deadline_at").values_list("pk", flat=True)[:AT_ONCE])
        now = time.monotonic()
        self._next = {pk: at for pk, at in self._next.items() if pk in set(ids)}
        due = [pk for pk in ids if self._next.get(pk, 0.0) <= now]
        for pk in due:
            self._next[pk] = now + PROBE_AGAIN
            executions.probe(pk)
        return len(due)


def put_unproved_aside() -> int:
    """Take reviews out of the open ones that are past their deadline and of which nothing can be proved."""
    ids = ReviewTask.objects.past_proof().order_by("deadline_at").values_list("pk", flat=True)
    return sum(lifecycle.mark_unproved(pk) for pk in list(ids[:AT_ONCE]))


def purge() -> int:
    """Delete what is past its retention, and rate buckets that are full."""
    return idempotency.purge() + rate_limits.purge() + _retention.turn()


def check_queues() -> int:
    """Ask AWS about the queues that somebody wants checked, if the wake-up was lost."""
    asked = QueueCheck.objects.filter(asked_at__lt=Now() - WAKE_UP_PATIENCE).filter(
        Q(checked_at=None) | Q(checked_at__lt=F("asked_at"))
    )
    ids = list(asked.values_list("queue", flat=True)[:AT_ONCE])
    for queue_id in ids:
        checking.check_and_store(queue_id)
    return len(ids)


def read_executions() -> int:
    """Read the executions that somebody wants to see, if the wake-up was lost."""
    return execution_history.read_asked(limit=AT_ONCE)


def report() -> None:
    """Log how old the oldest open review is and how many decisions are late.

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
TASKS = {
    "batches": (work_on_batches, timedelta(seconds=1)),
    "checks": (check_queues, timedelta(seconds=5)),
    "deadlines": (decide_at_deadlines, timedelta(seconds=1)),
    "leases": (end_leases, timedelta(seconds=5)),
    "executions": (ask_after_executions, timedelta(seconds=1)),
    "histories": (read_executions, timedelta(seconds=2)),
    "probes": (Prober().turn, timedelta(seconds=5)),
    "unproved": (put_unproved_aside, timedelta(seconds=15)),
    "purge": (purge, timedelta(minutes=5)),
    "report": (report, timedelta(minutes=1)),
}
