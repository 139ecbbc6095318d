"""Heartbeats: which open task tokens must be kept alive, and when the next one of each is due.

`worker.heartbeats` makes the calls. A state with HeartbeatSeconds closes its token when
SendTaskHeartbeat has not been called for so long (Step Functions API reference), whether or not a
reviewer has looked at the review. So every open token of a queue with `heartbeat_seconds` has a row,
which is due again after a third of that time.

Anybody who may send to the queue can make up a token, and AWS calls such a token invalid. So tokens that
AWS has accepted come first, and those that it calls invalid pause ever longer and are given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from approvals import arns
from approvals.arns import Place
from approvals.models import Heartbeat, OutboxEntry, ReviewQueue, ReviewTask
from approvals.records import (
    database_time,
    execution_snapshots,
    places,
    rate_limits,
    service_quotas,
)

ENROLL_AT_ONCE = 1000
RECENTLY = timedelta(minutes=1)
MOST_REFUSALS = 4  # of a token that AWS calls invalid; the pauses between them double

State = OutboxEntry.State
UNSENT = (State.WAITING, State.SENDING)
DUE = Q(closed_at=None, due_at__lte=Now())
_CLAIM = """
    WITH due AS (
        SELECT beat.review_id, asked.pause FROM approvals_heartbeat AS beat
        JOIN approvals_reviewtask AS review ON review.id = beat.review_id
        JOIN unnest(%(queues)s::uuid[], %(pauses)s::float8[]) AS asked (queue, pause)
            ON asked.queue = review.queue_id
        WHERE beat.closed_at IS NULL AND beat.due_at <= statement_timestamp()
            AND beat.beaten_at IS {accepted} NULL
        ORDER BY beat.due_at LIMIT %(limit)s FOR UPDATE OF beat SKIP LOCKED
    )
    UPDATE approvals_heartbeat AS beat
    SET due_at = statement_timestamp() + make_interval(secs => due.pause * 2 ^ beat.refusals)
    FROM due WHERE beat.review_id = due.review_id RETURNING beat.review_id
"""
_CLAIM_ACCEPTED, _CLAIM_OTHERS = _CLAIM.format(accepted="NOT"), _CLAIM.format(accepted="")


@dataclass(frozen=True)
class Beat:
    """A token for which this process has claimed the next heartbeat."""

    review: UUID
    queue: ReviewQueue
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
    late = Heartbeat.objects.filter(
        closed_at=None, refusals=0, review__queue=queue, due_at__gt=Now() + pause
    )
    return late.update(due_at=Now())


def claim(selected: Sequence[ReviewQueue], *, limit: int) -> list[Beat]:
    """Claim up to `limit` due tokens of queues of one place, as far as its quota allows.

    Tokens that AWS has accepted come first, whichever queue's they are, each kind by how long it has been
    due. One UPDATE of each kind schedules their next heartbeat before any call, so that no other process
    claims them; a crash before the call costs one of three heartbeats.
    """
    if not selected:
        return []
    due = Heartbeat.objects.filter(DUE, review__queue__in=selected)
    limit = _granted(places.of_queue(selected[0]), len(due.values_list("pk")[:limit]))
    taken = _claimed(_CLAIM_ACCEPTED, selected, limit)
    taken += _claimed(_CLAIM_OTHERS, selected, limit - len(taken))
    reviews = ReviewTask.objects.filter(pk__in=taken).select_related("queue")
    light = reviews.defer(*ReviewTask.OF_THE_MESSAGE).in_bulk()
    found = [light[pk] for pk in taken if pk in light]
    # The token of a state machine that the queue no longer admits gets no decision, so no heartbeat.
    admitted = [each for each in found if each.queue.admits(each.state_machine_arn)]
    return [
        Beat(each.pk, each.queue, places.of_review(each), bytes(each.sealed_token))
        for each in admitted
    ]


def _claimed(statement: str, selected: Sequence[ReviewQueue], limit: int) -> list[UUID]:
    if limit <= 0:
        return []
    pauses = [interval(queue) for queue in selected]
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {
            "queues": [q.pk for q in selected],
            "pauses": pauses,
            "limit": limit,
        }
        cursor.execute(statement, parameters)
        return [row[0] for row in cursor.fetchall()]


def record_accepted(reviews: Iterable[UUID]) -> None:
    """Record that Step Functions has accepted a heartbeat of these reviews' tokens."""
    first = list(_rows(reviews).filter(beaten_at=None).values_list("pk", flat=True))
    _rows(reviews).update(beaten_at=Now(), refusals=0)
    execution_snapshots.record_proved(first)


def record_closed(reviews: Iterable[UUID]) -> None:
    """Record that these tokens are closed: no more heartbeats are sent.

    Reconciliation reads what became of the reviews from their execution histories.
    """
    _rows(reviews).update(closed_at=Now(), ended_as=Heartbeat.End.CLOSED)


def record_refused(reviews: Iterable[UUID]) -> int:
    """Count that Step Functions has called these tokens invalid; returns how many are given up for it.

    One that it has accepted before is genuine, and keeps its turns: the fault lies with us. The review
    stays as it is: a person decides it, and the answer to the decision shows what it is worth.
    """
    never_accepted = _rows(reviews).filter(beaten_at=None)
    never_accepted.update(refusals=F("refusals") + 1)
    given_up = never_accepted.filter(refusals__gte=MOST_REFUSALS)
    return given_up.update(closed_at=Now(), ended_as=Heartbeat.End.TOKEN_REFUSED)


def try_refused_again(queue: ReviewQueue) -> int:
    """Begin again with the tokens of a queue that were given up; returns how many.

    A queue without the right role or region gets all its tokens refused: call it when they have changed.
    """
    given_up = Heartbeat.objects.filter(
        review__queue=queue,
        review__status=ReviewTask.Status.PENDING,
        ended_as=Heartbeat.End.TOKEN_REFUSED,
    )
    return given_up.update(closed_at=None, ended_as="", refusals=0, due_at=Now())


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
