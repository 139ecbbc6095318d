"""Leases of callbacks: one statement asks the circuit breaker, leases, journals and reads the review.

A callback is the entry that most calls are made for, so its lease costs one round trip. As with any lease,
the attempt is committed before its call.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from approvals.models import OutboxEntry, ReviewQueue, ReviewTask
from approvals.records import circuit_breakers, outbox, statements
from approvals.records.outbox import Lease

_ENTRY = statements.Columns(OutboxEntry, "e")
_REVIEW = statements.Columns(ReviewTask, "r", but=ReviewTask.OF_THE_MESSAGE)
_QUEUE = statements.Columns(ReviewQueue, "q")
# No part of it waits for a lock: what another sender has locked is not leased. So it takes part in no
# deadlock, although it locks the entry before the breaker.
_LEASE = f"""
WITH due AS (
  SELECT id, queue_id FROM approvals_outboxentry
  WHERE id = %s AND kind = 'callback' AND (
    (state = 'waiting' AND not_before <= statement_timestamp())
    OR (state = 'sending' AND lease_until <= statement_timestamp()))
  FOR UPDATE SKIP LOCKED
), to_probe AS (
  SELECT b.queue_id FROM approvals_breaker b JOIN due ON due.queue_id = b.queue_id
  WHERE b.opened_at IS NOT NULL AND b.retry_at <= statement_timestamp()
  FOR UPDATE OF b SKIP LOCKED
), probe AS (
  UPDATE approvals_breaker b SET retry_at = statement_timestamp() + %s
  FROM to_probe WHERE b.queue_id = to_probe.queue_id RETURNING b.queue_id
), e AS (
  UPDATE approvals_outboxentry e SET state = 'sending', lease_until = statement_timestamp() + %s,
    attempts = e.attempts + 1, lease_epoch = e.lease_epoch + 1
  FROM due WHERE e.id = due.id AND (
    EXISTS (SELECT FROM probe) OR NOT EXISTS (
      SELECT FROM approvals_breaker b WHERE b.queue_id = due.queue_id AND b.opened_at IS NOT NULL))
  RETURNING e.*
), attempt AS (
  INSERT INTO approvals_outboxattempt (entry_id, number, result, error_code, request_id)
  SELECT id, attempts, '', '', '' FROM e
)
SELECT {_ENTRY.sql}, {_REVIEW.sql}, {_QUEUE.sql} FROM e
LEFT JOIN approvals_decision d ON d.id = e.subject
LEFT JOIN approvals_reviewtask r ON r.id = d.review_id
LEFT JOIN approvals_reviewqueue q ON q.id = r.queue_id
"""  # noqa: S608


@dataclass(frozen=True)
class CallbackLease(Lease):
    """The lease of a callback, with its review and queue as they were then; without payload and raw body."""

    review: ReviewTask


@transaction.atomic(durable=True)
def take(entry_id: UUID) -> Lease | None:
    """Lease a callback that is due and journal the attempt, as `outbox.lease` does.

    None if it is no callback, another sender has it, or the circuit breaker of its queue is open. While
    that is open, one lease at a time goes through as its probe. A CallbackLease, unless its decision is gone.
    """
    row = statements.first_row(_LEASE, [entry_id, circuit_breakers.PAUSE, outbox.LEASE])
    if row is None:
        return None
    entry = _ENTRY.instance(row[: len(_ENTRY)])
    if row[len(_ENTRY) + _REVIEW.position("id")] is None:
        return Lease(entry, entry.attempts, entry.lease_epoch)
    review = _REVIEW.instance(row[len(_ENTRY) : -len(_QUEUE)])
    review.queue = _QUEUE.instance(row[-len(_QUEUE) :])
    return CallbackLease(entry, entry.attempts, entry.lease_epoch, review)
