"""Rows of the outbox: new entry, lease, conclude. Delivery makes its call between lease and conclude.

A lease is a compare-and-set with a fencing epoch: a sender whose lease ran out can still record the
result of its attempt, but can no longer change the state of the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from approvals.models import OutboxAttempt, OutboxEntry
from approvals.models.outbox import Delivery, DeliveryState, Detail
from approvals.records import database_time, retry_backoff, statements
from approvals.records.prepared_queries import Prepared
from approvals.records.retry_backoff import SHORTEST
from approvals.records.unit_of_work import UnitOfWork

LEASE = timedelta(seconds=45)  # above connect + read timeout of one call, with time for a pause

State = OutboxEntry.State
LANE_OF = {
    OutboxEntry.Kind.CALLBACK: OutboxEntry.Lane.CALLBACKS,
    OutboxEntry.Kind.START: OutboxEntry.Lane.EXECUTIONS,
    OutboxEntry.Kind.REDRIVE: OutboxEntry.Lane.EXECUTIONS,
    OutboxEntry.Kind.STOP: OutboxEntry.Lane.EXECUTIONS,
    OutboxEntry.Kind.START_BATCH: OutboxEntry.Lane.EXECUTIONS,
}
CANCELLABLE: Mapping[str, Any] = {"state": State.WAITING, "attempts": 0}
_ENTRY = statements.Columns(OutboxEntry, "e")
_LEASE = f"""
WITH e AS (
  UPDATE approvals_outboxentry SET state = 'sending', lease_until = statement_timestamp() + %s,
    attempts = attempts + 1, lease_epoch = lease_epoch + 1
  WHERE id = %s AND (
    (state = 'waiting' AND not_before <= statement_timestamp())
    OR (state = 'sending' AND lease_until <= statement_timestamp()))
  RETURNING *
), attempt AS (
  INSERT INTO approvals_outboxattempt (entry_id, number, result, error_code, request_id)
  SELECT id, attempts, '', '', '' FROM e
)
SELECT {_ENTRY.sql} FROM e
"""  # noqa: S608
_LOCK_WITH_ATTEMPT = f"""
SELECT {_ENTRY.sql}, statement_timestamp(), a.id, a.result, EXISTS (
  SELECT FROM approvals_outboxattempt WHERE entry_id = e.id AND result = 'accepted'), EXISTS (
  SELECT FROM approvals_breaker WHERE queue_id = e.queue_id)
FROM approvals_outboxentry e JOIN approvals_outboxattempt a ON a.entry_id = e.id AND a.number = %s
WHERE e.id = %s FOR UPDATE OF e
"""  # noqa: S608
DUE = Q(state=State.WAITING, not_before__lte=Now()) | Q(state=State.SENDING, lease_until__lte=Now())


@dataclass(frozen=True)
class Lease:
    """The right to make one attempt: attempt `number`, journalled, under fencing epoch `epoch`."""

    entry: OutboxEntry
    number: int
    epoch: int


def new_entry(
    kind: OutboxEntry.Kind,
    subject: UUID,
    payload: bytes,
    *,
    not_before: datetime,
    undoable: bool = False,
    queue: UUID | None = None,
) -> OutboxEntry:
    """An entry for a call to be made, to be inserted by the unit of work that changes its subject."""
    return OutboxEntry(
        lane=LANE_OF[kind],
        kind=kind,
        subject=subject,
        payload=payload,
        not_before=not_before,
        queue_id=queue,
        detail=Detail.UNDO_WINDOW if undoable else Detail.QUEUED,
    )


def enqueue_many(kind: OutboxEntry.Kind, payloads: Mapping[UUID, bytes]) -> None:
    """Insert many entries that are due at once, by their subjects, with one statement."""
    at = database_time.now()
    OutboxEntry.objects.bulk_create(
        OutboxEntry(lane=LANE_OF[kind], kind=kind, subject=pk, payload=payload, not_before=at)
        for pk, payload in sorted(payloads.items())
    )


def callback_entries(decisions: Iterable[UUID]) -> dict[UUID, OutboxEntry]:
    """The outbox entries of a few decisions by the decisions' ids, in one query, without their payloads."""
    return {entry.subject: entry for entry in _callbacks_of(decisions=list(decisions))}


@Prepared
def _callbacks_of(decisions: Sequence[UUID]) -> QuerySet[OutboxEntry]:
    callbacks = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.CALLBACK, subject__in=decisions)
    return callbacks.defer("payload")


def due(lane: str, *, limit: int, but: Collection[UUID] = ()) -> list[UUID]:
    """Ids of due entries of a lane, the longest waiting first, without those of the queues `but`."""
    return list(
        OutboxEntry.objects.filter(DUE, lane=lane)
        .exclude(queue__in=list(but))
        .order_by("not_before")
        .values_list("pk", flat=True)[:limit]
    )


def next_due_at(lane: str) -> datetime | None:
    """When the next waiting entry of a lane is due; None if none waits."""
    waiting = OutboxEntry.objects.filter(state=State.WAITING, lane=lane).order_by("not_before")
    return waiting.values_list("not_before", flat=True).first()


def late(lane: str, patience: timedelta) -> int:
    """How many entries of a lane have waited longer than `patience` since they could first be sent.

    An undo window does not count. A call under way is late once its lease ran out so long ago.
    """
    since = Now() - patience
    first = Q(state=State.WAITING, attempts=0, not_before__lte=since)
    again = Q(state=State.WAITING, attempts__gt=0, created_at__lte=since)
    abandoned = Q(state=State.SENDING, lease_until__lte=since)
    return OutboxEntry.objects.filter(first | again | abandoned, lane=lane).count()


@transaction.atomic(durable=True)
def lease(entry_id: UUID) -> Lease | None:
    """Lease an entry that is due and journal the attempt; None if another sender was first.

    When this returns, the attempt is committed: a crash afterwards leaves an attempt without an end,
    whose outcome is unknown.
    """
    leased = statements.first_row(_LEASE, [LEASE, entry_id])
    if leased is None:
        return None
    entry = _ENTRY.instance(leased)
    return Lease(entry, entry.attempts, entry.lease_epoch)


@dataclass(frozen=True)
class AttemptResult:
    """The result of one attempt, for its journal row. With `if_unknown` it replaces no earlier result."""

    result: str
    error_code: str = ""
    request_id: str = ""
    if_unknown: bool = False


@dataclass(frozen=True)
class Verdict:
    """The next state of an entry: settled or parked with a detail, or waiting for a retry."""

    state: OutboxEntry.State
    detail: Detail
    at_least: float = SHORTEST  # seconds until a retry


@dataclass(frozen=True)
class Conclusion:
    """A locked entry after an attempt, its delivery status before, and the verdict applied to it, if any.

    `has_breaker` says whether refusals are counted against its queue.
    """

    entry: OutboxEntry
    before: Delivery
    verdict: Verdict | None
    has_breaker: bool

    @property
    def is_parked(self) -> bool:
        """Whether this attempt has parked the entry."""
        return self.verdict is not None and self.verdict.state == State.PARKED

    @property
    def is_retried(self) -> bool:
        """Whether this attempt has scheduled a retry."""
        return self.verdict is not None and self.verdict.state == State.WAITING


def settled(detail: Detail) -> Verdict:
    """The verdict for an entry whose outcome is known."""
    return Verdict(State.SETTLED, detail)


def parked(detail: Detail) -> Verdict:
    """The verdict for an entry that is not sent again until a person or reconciliation requeues it."""
    return Verdict(State.PARKED, detail)


def retrying(*, at_least: float = SHORTEST) -> Verdict:
    """The verdict for an entry that is sent again, after at least so many seconds."""
    return Verdict(State.WAITING, Detail.RETRYING, at_least)


def conclude(
    work: UnitOfWork,
    taken: Lease,
    result: AttemptResult,
    judge: Callable[[OutboxEntry], Verdict | None],
    *,
    proved: bool | None = None,
) -> Conclusion:
    """Add the result of an attempt, and the new state of its entry, to the unit of work.

    Every attempt ends here.

    - The result is always journalled, also after the lease ran out.
    - Proved delivery settles the entry, however late and whichever sender has the lease now. The proof
      is a 200 of any attempt, or `proved` for a kind of call whose 200 alone proves nothing.
    - Otherwise the entry changes only under a lease that still runs, as `judge` decides; None keeps it.

    Locks the entry; the caller has locked its review or order before, under whose lock alone attempts
    get their results.
    """
    entry, attempt, was_accepted, has_breaker, now = _locked(taken)
    _journal(work, attempt, result, now)
    before = entry.delivery
    if proved is None:
        proved = result.result == OutboxAttempt.Result.ACCEPTED or was_accepted
    verdict = None
    if proved:
        verdict = None if before.state == DeliveryState.DELIVERED else settled(Detail.ACKNOWLEDGED)
    elif still_ours(entry, taken):
        verdict = judge(entry)
    if verdict is not None:
        move(work, entry, verdict, now)
    return Conclusion(entry, before, verdict, has_breaker)


def _locked(taken: Lease) -> tuple[OutboxEntry, OutboxAttempt, bool, bool, datetime]:
    """The entry of a lease, locked; its attempt; whether any got a 200; whether a breaker counts; the time."""
    row = statements.first_row(_LOCK_WITH_ATTEMPT, [taken.number, taken.entry.pk])
    if row is None:
        raise OutboxAttempt.DoesNotExist
    now, attempt_id, result, was_accepted, has_breaker = row[len(_ENTRY) :]
    entry = _ENTRY.instance(row[: len(_ENTRY)])
    attempt = OutboxAttempt(id=attempt_id, entry=entry, number=taken.number, result=result)
    return entry, attempt, was_accepted, has_breaker, now


def _journal(
    work: UnitOfWork, attempt: OutboxAttempt, result: AttemptResult, now: datetime
) -> None:
    if result.if_unknown and attempt.result:
        return
    attempt.result, attempt.ended_at = result.result, now
    attempt.error_code = result.error_code[:100]
    attempt.request_id = result.request_id[:100]
    work.update(attempt, "result", "error_code", "request_id", "ended_at")


def still_ours(entry: OutboxEntry, taken: Lease) -> bool:
    """Whether no other sender has leased the entry since, so that its state may be changed."""
    return (entry.state, entry.lease_epoch) == (State.SENDING, taken.epoch)


def explain(entry: OutboxEntry, detail: Detail) -> None:
    """Set the detail of an entry's state."""
    entry.detail = detail
    work = UnitOfWork()
    work.update(entry, "detail")
    work.write()


def cancellable(kind: OutboxEntry.Kind, subject: UUID) -> OutboxEntry | None:
    """The entry of a subject, if no attempt was made and it has not ended; `cancel` checks it again."""
    waiting = OutboxEntry.objects.filter(kind=kind, subject=subject, **CANCELLABLE)
    return waiting.defer("payload").first()


def cancel(work: UnitOfWork, entry: OutboxEntry, now: datetime) -> None:
    """Cancel a `cancellable` entry; if a sender has leased it meanwhile, the write raises ConditionFailed."""
    entry.state, entry.detail, entry.ended_at = State.CANCELLED, Detail.UNDONE, now
    work.update(entry, "state", "detail", "ended_at", where=CANCELLABLE)


def requeue(work: UnitOfWork, entry: OutboxEntry, now: datetime) -> None:
    """Make a parked entry due at once. Its count of attempts stays, so that its journal continues."""
    entry.state, entry.detail, entry.ended_at = State.WAITING, Detail.QUEUED, None
    entry.not_before = now
    work.update(entry, "state", "detail", "ended_at", "not_before", where={"state": State.PARKED})


def move(work: UnitOfWork, entry: OutboxEntry, verdict: Verdict, now: datetime) -> None:
    """Move a locked entry as the verdict says. For attempts call `conclude`, which judges the lease first."""
    entry.state, entry.detail, entry.lease_until = verdict.state, verdict.detail, None
    if verdict.state == State.WAITING:
        seconds = retry_backoff.seconds_before_retry(entry.attempts, at_least=verdict.at_least)
        entry.not_before = now + timedelta(seconds=seconds)
    else:
        entry.ended_at = now
    work.update(entry, "state", "detail", "lease_until", "ended_at", "not_before")
