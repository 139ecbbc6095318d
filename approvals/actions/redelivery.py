"""What was parked is put back in line by an operator, once its cause is mended."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.exceptions import Invalid, NotFound
from approvals.models import Decision, OrderExecution, OutboxEntry, ReviewTask, User
from approvals.records import audit, idempotency, outbox, wake_ups

log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def requeue(
    entry_id: UUID, *, by: User, surface: str, receipt: idempotency.Key | None = None
) -> OutboxEntry:
    """Send a parked entry again, audited on the chain of its review or order.

    A second sending does no second deed: a closed token refuses it, and an execution has one name.
    Raises NotAllowed, NotFound, or Invalid where the entry is not parked.
    """
    idempotency.keep(receipt, entry_id)
    known = OutboxEntry.objects.filter(pk=entry_id).only("lane", "kind", "subject").first()
    if known is None:
        raise NotFound
    subject = _locked_subject(known)
    entry = OutboxEntry.objects.select_for_update().get(pk=entry_id)
    policy.may(policy.OPERATE, None, by, surface).or_raise()
    if entry.state != OutboxEntry.State.PARKED:
        raise Invalid(f"Only what is parked is sent again; this entry is {entry.state}.")
    said = {"entry": str(entry.pk), "was": entry.detail}
    outbox.requeue(entry)
    if isinstance(subject, OrderExecution):
        subject.status, subject.refusal = OrderExecution.Status.PENDING, ""
        subject.save(update_fields=["status", "refusal"])
        _record("order", subject.pk, "order.requeued", by, surface, said)
    else:
        _record("review", subject.pk, "callback.requeued", by, surface, said)
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk)
    return entry


def _locked_subject(entry: OutboxEntry) -> ReviewTask | OrderExecution:
    """The review or the order behind an entry, whose lock comes before the entry's."""
    if entry.lane == OutboxEntry.Lane.CALLBACKS:
        review = Decision.objects.values_list("review", flat=True).get(pk=entry.subject)
        return ReviewTask.objects.locked(review)
    if entry.kind == OutboxEntry.Kind.START_BATCH:
        raise Invalid("Each order that it was to carry has been given an execution of its own.")
    if entry.kind == OutboxEntry.Kind.START:
        return OrderExecution.objects.select_for_update().get(pk=entry.subject)
    raise Invalid(
        f"A {entry.kind} of the lane {entry.lane} is not put back by hand: ask for it anew."
    )


def _record(chain: str, row: UUID, kind: str, by: User, surface: str, said: dict[str, str]) -> None:
    audit.record(audit.chain_of(chain, row), kind, by=by, surface=surface, data=said)
    log.info(kind, **{chain: str(row)}, by=by.email, **said)
