"""Quarantine: an operator replays a message, discards it, or reads its bytes."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import DATABASE_AWAY, AlreadySettled, Invalid, NotFound
from approvals.messages import Extras
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.policy import Action
from approvals.records import (
    audit,
    duplicates,
    idempotency,
    locked_rows,
    new_reviews,
    quarantined_messages,
    received_messages,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow
from approvals.records.new_reviews import Inserted
from approvals.records.received_messages import Readable, Received, Refused
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

log = structlog.get_logger(__name__)

MAX_REASON = 300  # characters


@transaction.atomic(durable=True)
def replay(
    message_id: UUID,
    *,
    by: Actor,
    key: idempotency.Key | None = None,
    fetched: Extras | None = None,
) -> ReviewTask:
    """Parse a quarantined message again and create its review, as intake would have done.

    `fetched` is what came beside the body, with the object of its S3 pointer, if the caller has read that.

    If this very message has become a review meanwhile, it is settled with that one: a token never
    has two reviews. Raises NotFound, NotAllowed, KeyMissing, AlreadySettled, or Invalid if it still
    cannot become a review; then nothing has changed.
    """
    idempotency.keep(key)
    locked = _locked(message_id, by)
    row = locked.row
    _ensure_open(row)
    item = _read_again(row, fetched)
    review, inserted = _review_of(row, item)
    idempotency.fill(key, review.pk)
    about = {"quarantined": str(row.pk), "origin": row.origin}
    new_reviews.record_arrival(row.queue, inserted, by=by, about=about)
    row.replayed_at, row.replayed_by, row.replayed_as = locked.now, by.user, review
    work = UnitOfWork()
    work.update(row, "replayed_at", "replayed_by", "replayed_as")
    data = {"review": str(review.pk), "created": bool(inserted.rows)}
    audit.record(work, locked.chain, AuditKind.MESSAGE_REPLAYED, by=by, data=data, **data)
    work.write()
    return review


@transaction.atomic(durable=True)
def discard(
    message_id: UUID,
    reason: str,
    *,
    by: Actor,
    key: idempotency.Key | None = None,
) -> QuarantinedMessage:
    """Settle a quarantined message without a review. Its bytes stay, sealed.

    Raises NotFound, NotAllowed, AlreadySettled, or Invalid for a reason that is not 1 to 300
    characters of storable text.
    """
    idempotency.keep(key, message_id)
    locked = _locked(message_id, by)
    row = locked.row
    _ensure_open(row)
    row.discard_reason = typed_text.checked(
        reason, field="reason", longest=MAX_REASON, required="Say why the message is discarded."
    )
    row.discarded_at, row.discarded_by = locked.now, by.user
    work = UnitOfWork()
    work.update(row, "discard_reason", "discarded_at", "discarded_by")
    data = {"reason": row.discard_reason}
    audit.record(work, locked.chain, AuditKind.MESSAGE_DISCARDED, by=by, data=data)
    work.write()
    return row


@transaction.atomic(durable=True)
def reveal(message_id: UUID, *, by: Actor) -> bytes:
    """The bytes of a quarantined message as SQS gave them, with its token; the access is audited.

    Raises NotFound, NotAllowed or KeyMissing.
    """
    locked = _locked(message_id, by)
    body = quarantined_messages.body_of(locked.row)
    work = UnitOfWork()
    audit.record(work, locked.chain, AuditKind.MESSAGE_REVEALED, by=by)
    work.write()
    return body


def _locked(message_id: UUID, by: Actor) -> LockedRow[QuarantinedMessage]:
    """The message, locked. Raises NotAllowed, also if there is no such message, or NotFound."""
    try:
        locked = locked_rows.row(QuarantinedMessage, message_id, by=by)
    except NotFound:
        policy.may(Action.OPERATE, None, by=by).or_raise()
        raise NotFound(f"No message {message_id} in quarantine.") from None
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    return locked


def _ensure_open(row: QuarantinedMessage) -> None:
    if row.replayed_at is not None:
        raise AlreadySettled(f"This message was replayed already, as review {row.replayed_as_id}.")
    if row.discarded_at is not None:
        raise AlreadySettled("This message was discarded already.")


def _read_again(row: QuarantinedMessage, fetched: Extras | None) -> Readable:
    """The stored message, parsed again. Raises KeyMissing, or Invalid if it still cannot be read."""
    body = quarantined_messages.body_of(row).decode(errors="surrogatepass")
    extras = quarantined_messages.extras_of(row)
    received = Received(body, row.sqs_message_id, row.sent_at, fetched or extras)
    item = received_messages.read(row.queue, received, quarantined=str(row.pk))
    if isinstance(item, Readable):
        return item
    if (
        item.reason == received_messages.PARSER_FAILED
    ):  # a bug of ours: a later release may read the message
        raise Invalid("The parser fails on this message; the log says where.")
    raise _invalid(item)


def _invalid(refusal: Refused) -> Invalid:
    return Invalid(refusal.explanation, reason=refusal.reason)


def _review_of(row: QuarantinedMessage, item: Readable) -> tuple[ReviewTask, Inserted]:
    """The review of a message, inserted if it is new. Raises Invalid if the message may not become one."""
    reviews = duplicates.stored([item])
    inserted = Inserted([], None)
    if not reviews and item.refusal is None:
        inserted = _inserted(row.queue, item)
        reviews = duplicates.stored([item])  # a poller may have stored the token while we waited
    if refusal := duplicates.refusal_of(item, reviews):
        raise _invalid(refusal)
    review = ReviewTask.objects.get(pk=reviews[item.fingerprint].pk)
    return review, inserted


def _inserted(queue: ReviewQueue, item: Readable) -> Inserted:
    try:
        return new_reviews.insert(queue, [item])
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold the message: only its type is logged)
        log.warning("intake.refused_by_database", error=type(error).__name__)
        raise Invalid("The database refuses this content.", reason="not_storable") from None
