"""Quarantine: an operator replays a message, discards it, or reads its bytes."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.actors import SYSTEM, Actor
from approvals.exceptions import DATABASE_AWAY, AlreadySettled, Invalid, NotFound
from approvals.messages import Extras
from approvals.models import QuarantinedMessage, ReplayRequest, ReviewQueue, ReviewTask
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
from approvals.untrusted import display, typed_text

log = structlog.get_logger(__name__)

MAX_REASON = 300  # characters
ACCEPTED = 202  # the HTTP status of a replay that is left to a poller


@transaction.atomic(durable=True)
def replay(
    message_id: UUID,
    *,
    by: Actor,
    key: idempotency.Key | None = None,
    fetched: Extras | None = None,
) -> ReviewTask | None:
    """Parse a quarantined message again and create its review, as intake would have done.

    `fetched` is what came beside the body, with the object of its S3 pointer, if the caller has read that.
    Without it, a pointer into a bucket that the queue allows is left to a poller (`polling.replays`): then
    the request is stored, and None returned.

    If this very message has become a review meanwhile, it is settled with that one: a token never
    has two reviews. Raises NotFound, NotAllowed, KeyMissing, AlreadySettled, or Invalid if it still
    cannot become a review; then nothing has changed.
    """
    idempotency.keep(key)
    locked = _locked(message_id, by)
    row = locked.row
    _ensure_open(row)
    request = ReplayRequest.objects.filter(pk=row.pk).first()
    if fetched is None and _is_pointer(row):
        _ask_poller(locked, request, by)
        idempotency.fill(key, row.pk, status=ACCEPTED)
        return None
    item = _read_again(row, fetched)
    review, inserted = _review_of(row, item)
    idempotency.fill(key, review.pk)
    about = {"quarantined": str(row.pk), "origin": row.origin}
    new_reviews.record_arrival(row.queue, inserted, by=by, about=about)
    row.replayed_at, row.replayed_by, row.replayed_as = locked.now, by.user, review
    work = UnitOfWork()
    work.update(row, "replayed_at", "replayed_by", "replayed_as")
    if request is not None:
        work.delete(request)
    data = {"review": str(review.pk), "created": bool(inserted.rows)}
    audit.record(work, locked.chain, AuditKind.MESSAGE_REPLAYED, by=by, data=data, **data)
    work.write()
    return review


@transaction.atomic(durable=True)
def refuse_replay(message_id: UUID, why: str) -> bool:
    """Answer a request to replay a message that cannot become a review; False if none waits.

    The request of a message that was settled meanwhile is deleted without a word.
    """
    locked = locked_rows.row(QuarantinedMessage, message_id, by=SYSTEM)
    request = ReplayRequest.objects.filter(pk=message_id, refused_at=None).first()
    if request is None:
        return False
    work = UnitOfWork()
    if locked.row.replayed_at or locked.row.discarded_at:
        work.delete(request)
    else:
        request.refused_at, request.refusal = locked.now, display.visible(why)[:MAX_REASON]
        work.update(request, "refused_at", "refusal")
        data = {"refusal": request.refusal}
        audit.record(work, locked.chain, AuditKind.MESSAGE_REPLAY_REFUSED, by=SYSTEM, data=data)
    work.write()
    return True


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
    for request in ReplayRequest.objects.filter(pk=row.pk):
        work.delete(request)
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


def _is_pointer(row: QuarantinedMessage) -> bool:
    """Whether the object that a message points to has to be read first, and may be. Raises KeyMissing."""
    body = quarantined_messages.body_of(row).decode(errors="surrogatepass")
    extras = quarantined_messages.extras_of(row)
    return received_messages.pointer_of(row.queue, body, extras) is not None


def _ask_poller(
    locked: LockedRow[QuarantinedMessage], request: ReplayRequest | None, by: Actor
) -> None:
    """Store the request to replay the locked message; one that waits already stays as it is."""
    work = UnitOfWork()
    if request is None:
        request = ReplayRequest(
            message=locked.row, asked_at=locked.now, asked_by=by.user, surface=by.surface
        )
        work.insert(request)
    elif request.refused_at is None:
        return
    else:
        request.asked_at, request.asked_by, request.surface = locked.now, by.user, by.surface
        request.refused_at, request.refusal = None, ""
        work.update(request, "asked_at", "asked_by", "surface", "refused_at", "refusal")
    audit.record(work, locked.chain, AuditKind.MESSAGE_REPLAY_ASKED, by=by)
    work.write()


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
    # Of a message that may not become a review, or whose token is stored, nothing is inserted.
    inserted = _inserted(row.queue, item)
    reviews = duplicates.stored([item], inserted.rows)
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
