"""Heartbeats: which open task tokens must be kept alive, and when the next one of each is due.

`worker.heartbeats` makes the calls. A state with HeartbeatSeconds closes its token when
SendTaskHeartbeat has not been called for so long (Step Functions API reference), whether or not a
reviewer has looked at the review. So every open token of a queue with `heartbeat_seconds` has a row,
which is due again after a third of that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from approvals import arns
from approvals.arns import Place
from approvals.models import Heartbeat, OutboxEntry, ReviewQueue, ReviewTask
from approvals.records import database_time, places, rate_limits, service_quotas

ENROLL_AT_ONCE = 1000
RECENTLY = timedelta(minutes=1)

State = OutboxEntry.State
UNSENT = (State.WAITING, State.SENDING)
DUE = Q(closed_at=None, due_at__lte=Now())
_CLAIM = """
    WITH due AS (
        SELECT beat.review_id FROM approvals_heartbeat AS beat
        JOIN approvals_reviewtask AS review ON review.id = beat.review_id
        WHERE beat.closed_at IS NULL AND beat.due_at <= statement_timestamp()
            AND review.queue_id = %(queue)s
        ORDER BY beat.due_at LIMIT %(limit)s FOR UPDATE OF beat SKIP LOCKED
    )
    UPDATE approvals_heartbeat AS beat
    SET due_at = statement_timestamp() + make_interval(secs => %(pause)s)
    FROM due WHERE beat.review_id = due.review_id RETURNING beat.review_id
"""


@dataclass(frozen=True)
class Beat:
    """A token for which this process has claimed the next heartbeat."""

    review: UUID
    place: Place
    sealed_token: bytes


@dataclass(frozen=True)
class Load:
    """A queue's open tokens, how many of them are due, and how many its quota could keep alive alone."""

    queue: ReviewQueue
    open_tokens: int
    due: int
    capacity: int

    @property
    def share(self) -> float:
        """The part of its region's quota that this queue needs; those of one place add up."""
        return self.open_tokens / self.capacity


def queues() -> list[ReviewQueue]:
    """The queues whose workflows need heartbeats; also disabled ones, because their tokens are open."""
    return list(ReviewQueue.objects.filter(heartbeat_seconds__isnull=False))


def interval(queue: ReviewQueue) -> float:
    """Seconds from one heartbeat of a token to the next."""
    return service_quotas.beat_interval(queue.heartbeat_seconds or 0)


def enroll(selected: Sequence[ReviewQueue], *, thoroughly: bool = False) -> int:
    """Add a row, due at once, for each open token of these queues that has none; returns how many.

    Looks at reviews of the last minute and at decisions on their way to AWS; `thoroughly` at all open
    tokens, for queues whose `heartbeat_seconds` was set only now.
    """
    reviews = ReviewTask.objects.filter(queue__in=selected, heartbeat=None)
    pending = reviews.pending()
    if not thoroughly:
        pending = pending.filter(received_at__gt=Now() - RECENTLY)
    # An OR, because each of these states has a partial index: IN reads the whole table.
    unsettled = Q(state=State.WAITING) | Q(state=State.SENDING)
    unsettled |= Q(state=State.PARKED) if thoroughly else Q()
    leaving = OutboxEntry.objects.filter(unsettled, lane=OutboxEntry.Lane.CALLBACKS)
    decided = reviews.filter(decision__in=leaving.values("subject"))
    found = {
        pk
        for some in (pending, decided)
        for pk in some.values_list("pk", flat=True)[:ENROLL_AT_ONCE]
    }
    Heartbeat.objects.bulk_create(
        [Heartbeat(review_id=pk, due_at=Now()) for pk in sorted(found)], ignore_conflicts=True
    )
    return len(found)


def retire() -> int:
    """Delete due rows of reviews whose token needs no heartbeat any more; returns how many.

    Such a review has ended and its callback is settled, or its queue has no `heartbeat_seconds`.
    """
    outstanding = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK,
        subject=OuterRef("review__decision"),
        state__in=(*UNSENT, State.PARKED),
    )
    ended = ~Q(review__status=ReviewTask.Status.PENDING) & ~Exists(outstanding)
    over = Heartbeat.objects.filter(DUE).filter(ended | Q(review__queue__heartbeat_seconds=None))
    deleted, _ = Heartbeat.objects.filter(pk__in=list(over.values_list("pk", flat=True))).delete()
    return deleted


def bring_forward(queue: ReviewQueue) -> int:
    """Make due the rows that were scheduled by a longer `heartbeat_seconds`; returns how many."""
    pause = timedelta(seconds=interval(queue))
    late = Heartbeat.objects.filter(closed_at=None, review__queue=queue, due_at__gt=Now() + pause)
    return late.update(due_at=Now())


def claim(queue: ReviewQueue, *, limit: int) -> list[Beat]:
    """Claim up to `limit` due tokens of a queue, the longest waiting first, as far as the quota allows.

    One UPDATE schedules their next heartbeat before any call, so that no other process claims them; a
    crash before the call costs one of three heartbeats.
    """
    due = Heartbeat.objects.filter(DUE, review__queue=queue)
    limit = _granted(places.of_queue(queue), len(due.values_list("pk")[:limit]))
    if not limit:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"queue": queue.pk, "limit": limit, "pause": interval(queue)})
        taken = [row[0] for row in cursor.fetchall()]
    reviews = ReviewTask.objects.filter(pk__in=taken).select_related("queue")
    light = reviews.defer("raw_body", "payload")
    # The token of a state machine that the queue no longer admits gets no decision, so no heartbeat.
    admitted = [each for each in light if each.queue.admits(each.state_machine_arn)]
    return [Beat(each.pk, places.of_review(each), bytes(each.sealed_token)) for each in admitted]


def record_accepted(reviews: Iterable[UUID]) -> None:
    """Record that Step Functions has accepted a heartbeat of these reviews' tokens."""
    _rows(reviews).update(beaten_at=Now())


def record_closed(reviews: Iterable[UUID]) -> None:
    """Record that these tokens are closed: no more heartbeats are sent.

    Reconciliation reads what became of the reviews from their execution histories.
    """
    _rows(reviews).update(closed_at=Now())


def retry_in(reviews: Iterable[UUID], *, seconds: float) -> None:
    """Make these due in so many seconds."""
    _rows(reviews).update(due_at=Now() + timedelta(seconds=seconds))


def seconds_until_due() -> float | None:
    """Seconds until the next heartbeat is due, 0 or less if one is due; None if there is no open token."""
    rows = Heartbeat.objects.filter(closed_at=None).order_by("due_at")
    due_at = rows.values_list("due_at", flat=True).first()
    return None if due_at is None else (due_at - database_time.now()).total_seconds()


def load(selected: Iterable[ReviewQueue]) -> list[Load]:
    """How many tokens each of these queues has open, are due, and are allowed by its quota."""
    rows = Heartbeat.objects.filter(closed_at=None).values("review__queue")
    numbers = rows.annotate(open_tokens=Count("pk"), due=Count("pk", filter=DUE)).order_by()
    counted = {row["review__queue"]: (row["open_tokens"], row["due"]) for row in numbers}
    return [Load(queue, *counted.get(queue.pk, (0, 0)), _capacity(queue)) for queue in selected]


def _granted(place: Place, wanted: int) -> int:
    """How many of the wanted heartbeats the quota of a place allows now, shared by all processes."""
    if not wanted:
        return 0
    most = service_quotas.beats_a_second(place.region)
    name = f"heartbeats:{place.region}:{arns.account_of(place.role_arn) or 'own'}"
    return rate_limits.take_up_to(wanted, name, per_second=most, burst=most)


def _capacity(queue: ReviewQueue) -> int:
    return service_quotas.tokens_kept_alive(queue.region, queue.heartbeat_seconds or 0)


def _rows(reviews: Iterable[UUID]) -> QuerySet[Heartbeat]:
    return Heartbeat.objects.filter(pk__in=list(reviews), closed_at=None)
