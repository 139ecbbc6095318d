"""Heartbeats: which open tokens must be kept alive, and when. Rows only; the calls are the pacemaker's.

A state with HeartbeatSeconds closes its token when nobody has called SendTaskHeartbeat for so long
(Step Functions API reference), whether or not a reviewer has looked at the review yet. So every open
token of a queue that says `heartbeat_seconds` has a row, and is due again after a third of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from approvals import arns
from approvals.arns import Place
from approvals.models import Heartbeat, OutboxEntry, RateBucket, ReviewQueue, ReviewTask
from approvals.records import database_time, places, service_quotas

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
    """A token that this process, and no other, is to keep alive now."""

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
        """How much of its region's quota this queue needs; queues of one place add up."""
        return self.open_tokens / self.capacity


def queues() -> list[ReviewQueue]:
    """The queues whose workflows ask for heartbeats, disabled ones too: their tokens are open."""
    return list(ReviewQueue.objects.filter(heartbeat_seconds__isnull=False))


def interval(queue: ReviewQueue) -> float:
    """Seconds from one beat of a token to the next."""
    return service_quotas.beat_interval(queue.heartbeat_seconds or 0)


def enroll(asked: Sequence[ReviewQueue], *, thoroughly: bool = False) -> int:
    """Give a row, due at once, to open tokens of these queues that have none; returns to how many.

    Looks at what came in the last minute and at what is on its way to AWS; `thoroughly` at all that
    is open, for queues that have only now been told of heartbeats.
    """
    reviews = ReviewTask.objects.filter(queue__in=asked, heartbeat=None)
    pending = reviews.pending()
    if not thoroughly:
        pending = pending.filter(received_at__gt=Now() - RECENTLY)
    leaving = OutboxEntry.objects.filter(
        lane=OutboxEntry.Lane.CALLBACKS, state__in=(*UNSENT, State.PARKED) if thoroughly else UNSENT
    )
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
    """Drop due rows of reviews whose token needs us no longer; returns how many.

    That is: the review has ended, its callback is settled, or its queue no longer beats.
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


def hasten(queue: ReviewQueue) -> int:
    """Bring forward what a longer `heartbeat_seconds` put off before it was changed; returns how much."""
    pause = timedelta(seconds=interval(queue))
    late = Heartbeat.objects.filter(closed_at=None, review__queue=queue, due_at__gt=Now() + pause)
    return late.update(due_at=Now())


def claim(queue: ReviewQueue, *, limit: int) -> list[Beat]:
    """Take up to `limit` due tokens of a queue, the longest waiting first, as far as the quota goes.

    One UPDATE moves them to their next turn before any call: another process does not see them, and
    a crash in between costs one of the three beats.
    """
    due = Heartbeat.objects.filter(DUE, review__queue=queue)
    limit = _granted(places.of_queue(queue), len(due.values_list("pk")[:limit]))
    if not limit:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"queue": queue.pk, "limit": limit, "pause": interval(queue)})
        taken = [row[0] for row in cursor.fetchall()]
    reviews = ReviewTask.objects.filter(pk__in=taken).select_related("queue")
    shown = reviews.defer("raw_body", "payload")
    # What the queue no longer admits is not answered, so it is not kept waiting either.
    admitted = [each for each in shown if each.queue.admits(each.state_machine_arn)]
    return [Beat(each.pk, places.of_review(each), bytes(each.sealed_token)) for each in admitted]


def beaten(reviews: Iterable[UUID]) -> None:
    """Step Functions took a beat of these."""
    _rows(reviews).update(beaten_at=Now())


def closed(reviews: Iterable[UUID]) -> None:
    """Step Functions said that these tokens are closed: they are beaten no more.

    What became of the review is not known by that; the execution's history tells.
    """
    _rows(reviews).update(closed_at=Now())


def again(reviews: Iterable[UUID], *, seconds: float) -> None:
    """Try these again sooner than their next turn."""
    _rows(reviews).update(due_at=Now() + timedelta(seconds=seconds))


def seconds_until_due() -> float | None:
    """How long until the next beat is due, 0 or less where one is; None where there is none."""
    rows = Heartbeat.objects.filter(closed_at=None).order_by("due_at")
    due_at = rows.values_list("due_at", flat=True).first()
    return None if due_at is None else (due_at - database_time.now()).total_seconds()


def load(asked: Iterable[ReviewQueue]) -> list[Load]:
    """What these queues ask of us, and what their quota allows."""
    rows = Heartbeat.objects.filter(closed_at=None).values("review__queue")
    numbers = rows.annotate(open_tokens=Count("pk"), due=Count("pk", filter=DUE)).order_by()
    counted = {row["review__queue"]: (row["open_tokens"], row["due"]) for row in numbers}
    return [Load(queue, *counted.get(queue.pk, (0, 0)), _capacity(queue)) for queue in asked]


@transaction.atomic(durable=True)
def _granted(place: Place, wanted: int) -> int:
    """How many of the wanted beats the quota allows now: a bucket shared by all processes."""
    if not wanted:
        return 0
    most = service_quotas.beats_a_second(place.region)
    name = f"heartbeats:{place.region}:{_account(place)}"
    bucket, _ = RateBucket.objects.select_for_update().get_or_create(
        name=name, defaults={"left": most, "filled_at": database_time.now()}
    )
    now = database_time.now()
    left = min(most, bucket.left + most * max(0.0, (now - bucket.filled_at).total_seconds()))
    given = min(wanted, int(left))
    bucket.left, bucket.filled_at = left - given, now
    bucket.save(update_fields=["left", "filled_at"])
    return given


def _capacity(queue: ReviewQueue) -> int:
    return service_quotas.tokens_kept_alive(queue.region, queue.heartbeat_seconds or 0)


def _account(place: Place) -> str:
    return arns.account_of(place.role_arn) or "own"


def _rows(reviews: Iterable[UUID]) -> QuerySet[Heartbeat]:
    return Heartbeat.objects.filter(pk__in=list(reviews), closed_at=None)
