"""Quarantine: an operator replays a message that could not become a review, discards it, or reads its bytes."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.exceptions import DATABASE_AWAY, AlreadySettled, Invalid, NotFound
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.records import audit, database_time, idempotency, intake, quarantine
from approvals.records.intake import Readable, Received, Refused
from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import Unreadable

log = structlog.get_logger(__name__)

MAX_REASON = 300  # characters


@transaction.atomic(durable=True)
def replay(
    message_id: UUID, *, by: User | None, surface: str, receipt: idempotency.Key | None = None
) -> ReviewTask:
    """Parse a quarantined message again and create its review, as intake would have done.

    If this very message has become a review meanwhile, it is settled with that one: a token never
    has two reviews. Raises NotFound, NotAllowed, KeyMissing, AlreadySettled, or Invalid if it still
    cannot become a review; then nothing has changed.
    """
    idempotency.keep(receipt)
    row = _locked(message_id, by, surface)
    _ensure_open(row)
    item = _read_again(row)
    review, created = _review_of(row, item)
    idempotency.fill(receipt, review.pk)
    row.replayed_at, row.replayed_by, row.replayed_as = database_time.now(), by, review
    row.save(update_fields=["replayed_at", "replayed_by", "replayed_as"])
    if created:
        about = {"quarantined": str(row.pk), "origin": row.origin}
        intake.record_arrival(row.queue, [review], by=by, surface=surface, about=about)
    audit.record(
        audit.chain_of("quarantine", row.pk),
        "message.replayed",
        by=by,
        surface=surface,
        data={"review": str(review.pk), "created": created},
    )
    log.info("message.replayed", quarantined=str(row.pk), review=str(review.pk), created=created)
    return review


@transaction.atomic(durable=True)
def discard(
    message_id: UUID,
    reason: str,
    *,
    by: User | None,
    surface: str,
    receipt: idempotency.Key | None = None,
) -> QuarantinedMessage:
    """Settle a quarantined message without a review. Its bytes stay, sealed.

    Raises NotFound, NotAllowed, AlreadySettled, or Invalid for a reason that is not 1 to 300
    characters of storable text.
    """
    idempotency.keep(receipt, message_id)
    row = _locked(message_id, by, surface)
    _ensure_open(row)
    row.discard_reason = _checked_reason(reason)
    row.discarded_at, row.discarded_by = database_time.now(), by
    row.save(update_fields=["discard_reason", "discarded_at", "discarded_by"])
    audit.record(
        audit.chain_of("quarantine", row.pk),
        "message.discarded",
        by=by,
        surface=surface,
        data={"reason": row.discard_reason},
    )
    log.info("message.discarded", quarantined=str(row.pk), surface=surface)
    return row


@transaction.atomic(durable=True)
def reveal(message_id: UUID, *, by: User | None, surface: str) -> bytes:
    """The bytes of a quarantined message as SQS gave them, with its token; the access is audited.

    Raises NotFound, NotAllowed or KeyMissing.
    """
    row = _locked(message_id, by, surface)
    body = quarantine.body_of(row)
    chain = audit.chain_of("quarantine", row.pk)
    audit.record(chain, "message.revealed", by=by, surface=surface)
    log.info("message.revealed", quarantined=str(row.pk), surface=surface)
    return body


def _locked(message_id: UUID, by: User | None, surface: str) -> QuarantinedMessage:
    """The message, locked. Raises NotAllowed, also if there is no such message, or NotFound."""
    row = QuarantinedMessage.objects.select_for_update().filter(pk=message_id).first()
    if by is not None:
        policy.may(policy.OPERATE, None, by, surface).or_raise()
    if row is None:
        raise NotFound(f"No message {message_id} in quarantine.")
    return row


def _ensure_open(row: QuarantinedMessage) -> None:
    if row.replayed_at is not None:
        raise AlreadySettled(f"This message was replayed already, as review {row.replayed_as_id}.")
    if row.discarded_at is not None:
        raise AlreadySettled("This message was discarded already.")


def _read_again(row: QuarantinedMessage) -> Readable:
    """The stored message, parsed again. Raises KeyMissing, or Invalid if it still cannot be read."""
    body = quarantine.body_of(row).decode(errors="surrogatepass")
    received = Received(body, row.sqs_message_id, row.sent_at)
    item = intake.read(row.queue, received, quarantined=str(row.pk))
    if isinstance(item, Readable):
        return item
    if item.reason == intake.PARSER_FAILED:  # a bug of ours: a later release may read the message
        raise Invalid("The parser fails on this message; the log says where.")
    raise _invalid(item)


def _invalid(refusal: Refused) -> Invalid:
    return Invalid(refusal.explanation, reason=refusal.reason)


def _review_of(row: QuarantinedMessage, item: Readable) -> tuple[ReviewTask, bool]:
    """The review of a message and whether it is new. Raises Invalid if the message may not become one."""
    reviews = intake.stored([item])
    made = None
    if not reviews and item.refusal is None:
        made = _inserted(row.queue, item)
        reviews = intake.stored([item])  # a poller may have stored the token while we waited
    if refusal := intake.refusal_of(item, reviews):
        raise _invalid(refusal)
    review = ReviewTask.objects.get(pk=reviews[item.fingerprint].pk)
    return review, made is not None and made.pk == review.pk


def _inserted(queue: ReviewQueue, item: Readable) -> ReviewTask:
    try:
        [made] = intake.insert(queue, [item])
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold the message: only its type is logged)
        log.warning("intake.refused_by_database", error=type(error).__name__)
        raise Invalid("The database refuses this content.", reason="not_storable") from None
    return made


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise Invalid(f"A reason has 1 to {MAX_REASON} characters.", pointer="/reason")
    try:
        strict_json.check_text(reason)
    except Unreadable as error:
        raise Invalid(error.explanation, pointer="/reason") from None
    return reason
