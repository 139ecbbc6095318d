"""The rows of bulk decisions: in whose name they are worked on, and what has each review decided once."""

from __future__ import annotations

import hashlib
from typing import NamedTuple
from uuid import UUID

from approvals.actors import Actor
from approvals.models import AuditEvent, BulkItem, BulkJob
from approvals.models.choices import Surface
from approvals.records import audit, idempotency

State = BulkItem.State


class Result(NamedTuple):
    """What became of a review: its state, why, and the decision that was made."""

    state: BulkItem.State
    code: str = ""
    detail: str = ""
    decision: UUID | None = None


def key_of(item: BulkItem) -> idempotency.Key:
    """The key under which a review is decided once, whichever worker comes to it, and however often.

    What takes the key without a decision keeps the review from being decided later.
    """
    return idempotency.Key(
        principal=f"bulk:{item.job_id}",
        key=str(item.pk),
        request="decide",
        body_sha256=hashlib.sha256(item.job_id.bytes).digest(),
        status=200,
    )


def decider(job: BulkJob) -> Actor:
    """Who began it: in their name its reviews are decided."""
    return Actor(job.created_by, Surface(job.surface), signed_in=job.signed_in)


def undoer(job: BulkJob) -> Actor:
    """Who wants it undone. Raises TypeError if nobody does."""
    if job.undo_by is None:
        raise TypeError(f"nobody wants {job!r} undone")
    return Actor(job.undo_by, Surface(job.undo_surface), signed_in=job.undo_signed_in)


def recorded(item: BulkItem) -> Result:
    """What the review's audit events say about this item, whose key is taken: the vote, or that it has none."""
    chain = audit.chain_of("review", item.review_id)
    event = AuditEvent.objects.filter(chain=chain, data__bulk=str(item.job_id)).first()
    if event is None:
        return Result(State.CANCELLED)
    decision = event.data.get("decision")
    return Result(State.DECIDED, decision=UUID(decision)) if decision else Result(State.VOTED)
