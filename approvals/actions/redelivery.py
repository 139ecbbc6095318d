"""Redelivery: an operator sends a parked outbox entry again after its cause is fixed."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import Invalid, NotFound
from approvals.models import Decision, OrderExecution, OutboxEntry, ReviewTask
from approvals.policy import Action
from approvals.records import audit, locked_rows, outbox, wake_ups
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow
from approvals.records.unit_of_work import UnitOfWork


@transaction.atomic(durable=True)
def requeue(entry_id: UUID, *, by: Actor) -> OutboxEntry:
    """Send a parked entry again; recorded on the chain of its review or order.

    Sending twice has no second effect: a closed task token refuses it, and an execution's name is
    unique. Raises NotAllowed, NotFound, or Invalid if the entry is not parked.
    """
    unlocked = OutboxEntry.objects.filter(pk=entry_id).only("lane", "kind", "subject").first()
    if unlocked is None:
        raise NotFound
    locked = _locked_subject(unlocked, by)
    subject = locked.row
    entry = OutboxEntry.objects.select_for_update().get(pk=entry_id)
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    if entry.state != OutboxEntry.State.PARKED:
        raise Invalid(f"Only what is parked is sent again; this entry is {entry.state}.")
    data = {"entry": str(entry.pk), "was": entry.detail}
    work = UnitOfWork()
    outbox.requeue(work, entry, locked.now)
    kind = AuditKind.CALLBACK_REQUEUED
    if isinstance(subject, OrderExecution):
        subject.status, subject.refusal = OrderExecution.Status.PENDING, ""
        work.update(subject, "status", "refusal")
        kind = AuditKind.ORDER_REQUEUED
    audit.record(work, locked.chain, kind, by=by, data=data, **data)
    work.write()
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk)
    return entry


def _locked_subject(
    entry: OutboxEntry, by: Actor
) -> LockedRow[ReviewTask] | LockedRow[OrderExecution]:
    """The review or the order an entry is about, locked before the entry."""
    match entry.kind:
        case OutboxEntry.Kind.CALLBACK:
            review = Decision.objects.values_list("review", flat=True).get(pk=entry.subject)
            return locked_rows.review(review, by=by)
        case OutboxEntry.Kind.START:
            return locked_rows.row(OrderExecution, entry.subject, by=by)
        case OutboxEntry.Kind.START_BATCH:
            raise Invalid("Each order of it has been given an execution of its own.")
    raise Invalid(f"A {entry.kind} of the lane {entry.lane} cannot be requeued: request it anew.")
