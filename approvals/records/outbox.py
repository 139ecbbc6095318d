"""Rows of the outbox: new entry, lease, conclude. Delivery makes its call between lease and conclude.

A lease is a compare-and-set with a fencing epoch: a sender whose lease ran out can still record the
result of its attempt, but can no longer change the state of the entry.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.models import OutboxAttempt, OutboxEntry
from approvals.models.outbox import Delivery, DeliveryState, Detail
from approvals.records import database_time
from approvals.records.unit_of_work import UnitOfWork

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
CANCELLABLE: Mapping[str, Any] = {"state": State.WAITING, "attempts": 0}
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
    """The outbox entries of decisions by the decisions' ids, in one query, without their payloads."""
    entries = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK, subject__in=list(decisions)
    )
    return {entry.subject: entry for entry in entries.defer("payload")}


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
    at_least: float = 0.0  # seconds until a retry


@dataclass(frozen=True)
class Conclusion:
    """A locked entry after an attempt, its delivery status before, and the verdict applied to it, if any."""

    entry: OutboxEntry
    before: Delivery
    verdict: Verdict | None

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


def retrying(*, at_least: float = 0.0) -> Verdict:
    """The verdict for an entry that is sent again, after at least so many seconds."""
    return Verdict(State.WAITING, Detail.RETRYING, at_least)


def conclude(
    taken: Lease,
    result: AttemptResult,
    judge: Callable[[OutboxEntry], Verdict | None],
    *,
    proved: bool | None = None,
) -> Conclusion:
    """Journal the result of an attempt and change the state of its entry. Every attempt ends here.

    - The result is always journalled, also after the lease ran out.
    - Proved delivery settles the entry, however late and whichever sender has the lease now. The proof
      is a 200 of any attempt, or `proved` for a kind of call whose 200 alone proves nothing.
    - Otherwise the entry changes only under a lease that still runs, as `judge` decides; None keeps it.

    Locks the entry; the caller has locked its review or order before.
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
        move(entry, verdict)
    return Conclusion(entry, before, verdict)


def journal(taken: Lease, result: AttemptResult) -> OutboxEntry:
    """Record the result of an attempt in the journal; returns its entry, locked."""
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
    """Whether any attempt of the entry got a 200."""
    return entry.journal.filter(result=OutboxAttempt.Result.ACCEPTED).exists()


def still_ours(entry: OutboxEntry, taken: Lease) -> bool:
    """Whether no other sender has leased the entry since, so that its state may be changed."""
    return entry.state == State.SENDING and entry.lease_epoch == taken.epoch


def retry_later(entry: OutboxEntry, *, at_least: float = 0.0) -> None:
    """Schedule a retry of a locked entry: exponential pause with full jitter, `at_least` so many seconds."""
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(entry.attempts, 10))
    pause = max(at_least, random.uniform(0.1, ceiling))  # noqa: S311  (jitter, not a secret)
    entry.state, entry.detail, entry.lease_until = State.WAITING, Detail.RETRYING, None
    entry.not_before = database_time.now() + timedelta(seconds=pause)
    entry.save(update_fields=["state", "detail", "lease_until", "not_before"])


def explain(entry: OutboxEntry, detail: Detail) -> None:
    """Set the detail of an entry's state."""
    entry.detail = detail
    entry.save(update_fields=["detail"])


def hold_back(entry_id: UUID) -> None:
    """Mark a due entry as held back by its queue's circuit breaker."""
    OutboxEntry.objects.filter(DUE, pk=entry_id, state=State.WAITING).update(
        detail=Detail.BREAKER_OPEN
    )


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


def move(entry: OutboxEntry, verdict: Verdict) -> None:
    """Move a locked entry as the verdict says. For attempts call `conclude`, which judges the lease first."""
    if verdict.state == State.WAITING:
        retry_later(entry, at_least=verdict.at_least)
        return
    entry.state, entry.detail, entry.lease_until = verdict.state, verdict.detail, None
    entry.ended_at = database_time.now()
    entry.save(update_fields=["state", "detail", "lease_until", "ended_at"])
