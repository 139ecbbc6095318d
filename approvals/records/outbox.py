"""The outbox's rows: enqueue, lease, conclude. Delivery makes its call between the last two; none here.

A lease is a compare-and-set with a fencing epoch: a sender whose lease ran out can still record the
result of its attempt, but no longer move the row's schedule.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.models import OutboxAttempt, OutboxEntry
from approvals.models.outbox import Delivery, DeliveryState, Detail
from approvals.records import database_time

LEASE = timedelta(seconds=45)  # above connect + read timeout of one call, with time for a pause
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds

State = OutboxEntry.State
LANE_OF = {
    OutboxEntry.Kind.CALLBACK: OutboxEntry.Lane.CALLBACKS,
    OutboxEntry.Kind.START: OutboxEntry.Lane.EXECUTIONS,
    OutboxEntry.Kind.REDRIVE: OutboxEntry.Lane.EXECUTIONS,
    OutboxEntry.Kind.STOP: OutboxEntry.Lane.EXECUTIONS,
    OutboxEntry.Kind.START_BATCH: OutboxEntry.Lane.EXECUTIONS,
}
DUE = Q(state=State.WAITING, not_before__lte=Now()) | Q(state=State.SENDING, lease_until__lte=Now())


@dataclass(frozen=True)
class Lease:
    """The right to make one attempt: attempt `number`, journalled, under fencing epoch `epoch`."""

    entry: OutboxEntry
    number: int
    epoch: int


def enqueue(
    kind: OutboxEntry.Kind,
    subject: UUID,
    payload: bytes,
    *,
    not_before: datetime,
    undoable: bool = False,
    queue: UUID | None = None,
) -> OutboxEntry:
    """Write a message that must leave, in the caller's transaction, together with what caused it."""
    return OutboxEntry.objects.create(
        lane=LANE_OF[kind],
        kind=kind,
        subject=subject,
        payload=payload,
        not_before=not_before,
        queue_id=queue,
        detail=Detail.UNDO_WINDOW if undoable else Detail.QUEUED,
    )


def enqueue_many(kind: OutboxEntry.Kind, payloads: Mapping[UUID, bytes]) -> None:
    """Write many messages that may leave at once, by their subjects, with one statement."""
    at = database_time.now()
    OutboxEntry.objects.bulk_create(
        OutboxEntry(lane=LANE_OF[kind], kind=kind, subject=pk, payload=payload, not_before=at)
        for pk, payload in sorted(payloads.items())
    )


def callback_entries(decisions: Iterable[UUID]) -> dict[UUID, OutboxEntry]:
    """The outbox entries of decisions by the decisions' ids, in one query, without their payloads."""
    entries = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK, subject__in=list(decisions)
    )
    return {entry.subject: entry for entry in entries.defer("payload")}


def due(lane: str, *, limit: int, but: Collection[UUID] = ()) -> list[UUID]:
    """Ids of entries of a lane that may be sent now, the longest waiting first; none of queues `but`."""
    return list(
        OutboxEntry.objects.filter(DUE, lane=lane)
        .exclude(queue__in=list(but))
        .order_by("not_before")
        .values_list("pk", flat=True)[:limit]
    )


def next_due_at(lane: str) -> datetime | None:
    """When the next entry of a lane falls due; None if nothing waits."""
    waiting = OutboxEntry.objects.filter(state=State.WAITING, lane=lane).order_by("not_before")
    return waiting.values_list("not_before", flat=True).first()


def late(lane: str, patience: timedelta) -> int:
    """How many entries of a lane have waited longer than this since they first might have left.

    An undo window does not count as waiting; a call under way is late once its lease ran out so long ago.
    """
    since = Now() - patience
    first = Q(state=State.WAITING, attempts=0, not_before__lte=since)
    again = Q(state=State.WAITING, attempts__gt=0, created_at__lte=since)
    left_alone = Q(state=State.SENDING, lease_until__lte=since)
    return OutboxEntry.objects.filter(first | again | left_alone, lane=lane).count()


@transaction.atomic(durable=True)
def lease(entry_id: UUID) -> Lease | None:
    """Lease an entry that is due and journal the attempt; None if another sender was first.

    When this returns, the attempt is committed: a crash from here on leaves an attempt without an
    end, which shows that its outcome is unknown.
    """
    taken = OutboxEntry.objects.filter(DUE, pk=entry_id).update(
        state=State.SENDING,
        attempts=F("attempts") + 1,
        lease_epoch=F("lease_epoch") + 1,
        lease_until=Now() + LEASE,
    )
    if not taken:
        return None
    entry = OutboxEntry.objects.get(pk=entry_id)
    OutboxAttempt.objects.create(entry=entry, number=entry.attempts)
    return Lease(entry, entry.attempts, entry.lease_epoch)


@dataclass(frozen=True)
class AttemptResult:
    """The result of one attempt, for its journal row. With `if_unknown`, an earlier result stays."""

    result: str
    error_code: str = ""
    request_id: str = ""
    if_unknown: bool = False


@dataclass(frozen=True)
class Verdict:
    """Where a row goes next: settled or parked with a detail, or waiting for a retry."""

    state: OutboxEntry.State
    detail: Detail
    at_least: float = 0.0  # seconds until a retry


@dataclass(frozen=True)
class Conclusion:
    """A locked row after an attempt, how it was delivered before, and the verdict that moved it, if any."""

    entry: OutboxEntry
    before: Delivery
    verdict: Verdict | None

    @property
    def is_parked(self) -> bool:
        """Whether this attempt has parked the row."""
        return self.verdict is not None and self.verdict.state == State.PARKED

    @property
    def is_retried(self) -> bool:
        """Whether this attempt has put the row back to waiting."""
        return self.verdict is not None and self.verdict.state == State.WAITING


def settled(detail: Detail) -> Verdict:
    """The end is known."""
    return Verdict(State.SETTLED, detail)


def parked(detail: Detail) -> Verdict:
    """No attempt follows until a person or reconciliation puts it back."""
    return Verdict(State.PARKED, detail)


def retrying(*, at_least: float = 0.0) -> Verdict:
    """Another attempt follows after a pause of `at_least` so many seconds."""
    return Verdict(State.WAITING, Detail.RETRYING, at_least)


def conclude(
    taken: Lease,
    result: AttemptResult,
    judge: Callable[[OutboxEntry], Verdict | None],
    *,
    proved: bool | None = None,
) -> Conclusion:
    """Journal the result of an attempt and move its row; the one place where an attempt ends.

    - A result is always journalled, whatever became of the lease.
    - Proved delivery settles the row, however late it comes and whichever sender has the lease now: a
      200 of this or of any other attempt, or `proved` for a call whose 200 alone proves nothing.
    - Anything else moves only a row whose lease is still ours, as `judge` decides; None leaves it.

    Locks the entry. The caller holds the locks that come before it: review or order first.
    """
    entry = journal(taken, result)
    before = entry.delivery
    if proved is None:
        proved = result.result == OutboxAttempt.Result.ACCEPTED or was_accepted(entry)
    verdict = None
    if proved:
        verdict = None if before.state == DeliveryState.DELIVERED else settled(Detail.ACKNOWLEDGED)
    elif still_ours(entry, taken):
        verdict = judge(entry)
    if verdict is not None:
        _move(entry, verdict)
    return Conclusion(entry, before, verdict)


def journal(taken: Lease, result: AttemptResult) -> OutboxEntry:
    """Write the result of an attempt; returns its entry, locked."""
    entry = OutboxEntry.objects.select_for_update().get(pk=taken.entry.pk)
    attempt = OutboxAttempt.objects.filter(entry=entry, number=taken.number)
    if result.if_unknown:
        attempt = attempt.filter(result="")
    attempt.update(
        result=result.result,
        error_code=result.error_code[:100],
        request_id=result.request_id[:100],
        ended_at=Now(),
    )
    return entry


def was_accepted(entry: OutboxEntry) -> bool:
    """Whether any attempt got a 200, however late."""
    return entry.journal.filter(result=OutboxAttempt.Result.ACCEPTED).exists()


def still_ours(entry: OutboxEntry, taken: Lease) -> bool:
    """Whether the lease is still the row's, so that its schedule may be moved."""
    return entry.state == State.SENDING and entry.lease_epoch == taken.epoch


def settle(entry: OutboxEntry, detail: Detail) -> None:
    """Settle a locked row."""
    _move(entry, settled(detail))


def park(entry: OutboxEntry, detail: Detail) -> None:
    """Park a locked row."""
    _move(entry, parked(detail))


def retry_later(entry: OutboxEntry, *, at_least: float = 0.0) -> None:
    """Back to waiting: exponential pause with full jitter, `at_least` so many seconds."""
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(entry.attempts, 10))
    pause = max(at_least, random.uniform(0.1, ceiling))  # noqa: S311  (jitter, not a secret)
    entry.state, entry.detail, entry.lease_until = State.WAITING, Detail.RETRYING, None
    entry.not_before = database_time.now() + timedelta(seconds=pause)
    entry.save(update_fields=["state", "detail", "lease_until", "not_before"])


def explain(entry: OutboxEntry, detail: Detail) -> None:
    """Set the reason why an entry is in its state."""
    entry.detail = detail
    entry.save(update_fields=["detail"])


def hold_back(entry_id: UUID) -> None:
    """Mark a due entry as held back by its queue's circuit breaker."""
    OutboxEntry.objects.filter(DUE, pk=entry_id, state=State.WAITING).update(
        detail=Detail.BREAKER_OPEN
    )


def cancel(kind: OutboxEntry.Kind, subject: UUID) -> bool:
    """Cancel an entry that no sender has begun to send; False if one has, or if it has ended."""
    return bool(
        OutboxEntry.objects.filter(
            kind=kind, subject=subject, state=State.WAITING, attempts=0
        ).update(state=State.CANCELLED, detail=Detail.UNDONE, ended_at=Now())
    )


def requeue(entry: OutboxEntry) -> None:
    """A parked entry waits again, due at once. Its attempts stay, so that its journal goes on."""
    entry.state, entry.detail, entry.ended_at = State.WAITING, Detail.QUEUED, None
    entry.not_before = database_time.now()
    entry.save(update_fields=["state", "detail", "ended_at", "not_before"])


def _move(entry: OutboxEntry, verdict: Verdict) -> None:
    if verdict.state == State.WAITING:
        retry_later(entry, at_least=verdict.at_least)
        return
    entry.state, entry.detail, entry.lease_until = verdict.state, verdict.detail, None
    entry.ended_at = database_time.now()
    entry.save(update_fields=["state", "detail", "lease_until", "ended_at"])
