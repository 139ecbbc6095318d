"""What comes in: a message becomes a review or a quarantined message, exactly once, or stays in SQS.

What an operator then does with a quarantined message: replay it, discard it, or look at its bytes.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import structlog
from django.db import transaction

from approvals import messages, policy
from approvals.exceptions import DATABASE_AWAY, AlreadySettled, Invalid, NotFound
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.models.choices import Surface
from approvals.records import audit, database_time, idempotency, intake
from approvals.records.intake import Readable, Received, Refused
from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import Unreadable

__all__ = ["MAX_REASON", "Received", "Taken", "accept", "discard", "replay", "reveal"]
log = structlog.get_logger(__name__)

MAX_REASON = 300
Origin = QuarantinedMessage.Origin


@dataclass(frozen=True)
class Taken:
    """How many messages of a batch became reviews, were there already, or went to quarantine."""

    reviews: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.reviews + other.reviews,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
        )


def accept(
    queue: ReviewQueue, batch: Iterable[Received], *, origin: Origin = Origin.QUEUE
) -> Taken:
    """Store a batch of messages: when this returns, each of them is durable and may be deleted.

    Dead letters are kept in quarantine for an operator, unless their review is stored already: then
    they are duplicates like any other. One transaction for the batch; where the data of one row is
    refused by the database, the batch is redone row by row and that row goes to quarantine. Raises
    OperationalError where the database is away: then nothing was stored and nothing may be deleted.
    """
    readable, refused = _sort(queue, batch, origin)
    try:
        return _store(queue, readable, refused, origin)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (poison of any kind: its own row, and only that one)
        log.warning("intake.row_by_row", queue=queue.slug, error=type(error).__name__)
    taken = Taken()
    for item in readable:
        taken += _store_alone(queue, item, origin)
    for refusal in refused:
        taken += _store(queue, [], [refusal], origin)
    return taken


@transaction.atomic(durable=True)
def replay(
    message_id: UUID, *, by: User | None, surface: str, receipt: idempotency.Key | None = None
) -> ReviewTask:
    """Read a quarantined message again and make its review, as intake would have made it.

    Where its very body has become a review meanwhile, the message is settled with that one: there is
    never a second review of a token. Raises NotFound, NotAllowed, KeyMissing, AlreadySettled, or
    Invalid where it still cannot become a review; then nothing has changed.
    """
    idempotency.keep(receipt)
    row = _locked(message_id, by, surface)
    _ensure_open(row)
    item = _read_again(row)
    review, created = _made(row, item)
    idempotency.fill(receipt, review.pk)
    row.replayed_at, row.replayed_by, row.replayed_as = database_time.now(), by, review
    row.save(update_fields=["replayed_at", "replayed_by", "replayed_as"])
    if created:
        about = {"quarantined": str(row.pk), "origin": row.origin}
        intake.begin(row.queue, [review], by=by, surface=surface, about=about)
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
    row.discard_reason = _checked(reason)
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
    """The bytes of a quarantined message as SQS gave them, token and all; the looking is audited.

    Raises NotFound, NotAllowed or KeyMissing.
    """
    row = _locked(message_id, by, surface)
    body = intake.body_of(row)
    chain = audit.chain_of("quarantine", row.pk)
    audit.record(chain, "message.revealed", by=by, surface=surface)
    log.info("message.revealed", quarantined=str(row.pk), surface=surface)
    return body


def _sort(
    queue: ReviewQueue, batch: Iterable[Received], origin: Origin
) -> tuple[list[Readable], list[Refused]]:
    """Parse everything before the transaction; fingerprint order keeps two pollers from deadlock."""
    readable: list[Readable] = []
    refused: list[Refused] = []
    for received in batch:
        try:
            request = messages.parse(received.body)
        except Unreadable as error:
            refused.append(Refused(received, error.reason, error.explanation))
        except Exception as error:  # noqa: BLE001  (a bug must not stop the line: the bytes are kept)
            log.warning("intake.parser_failed", message_id=received.message_id, bug=_bug(error))
            refused.append(Refused(received, "parser_failed", type(error).__name__))
        else:
            obstacle = intake.obstacle(queue, request)
            if origin == Origin.DEAD_LETTERS:
                obstacle = obstacle or ("dead_letter", "It can be read: replay makes it a review.")
            readable.append(Readable(received, request, obstacle))
    readable.sort(key=lambda item: item.fingerprint)
    refused.sort(key=lambda item: item.received.message_id)
    return readable, refused


def _store_alone(queue: ReviewQueue, item: Readable, origin: Origin) -> Taken:
    try:
        return _store(queue, [item], [], origin)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold the message: only its type is logged)
        log.warning(
            "intake.refused_by_database",
            message_id=item.received.message_id,
            error=type(error).__name__,
        )
        reason = Refused(item.received, "not_storable", "The database refuses this content.")
        return _store(queue, [], [reason], origin)


@transaction.atomic(durable=True)
def _store(
    queue: ReviewQueue, readable: Sequence[Readable], refused: list[Refused], origin: Origin
) -> Taken:
    first = {item.fingerprint: item for item in reversed(readable) if item.obstacle is None}
    rows = [intake.review(queue, item) for _, item in sorted(first.items())]
    ReviewTask.objects.bulk_create(rows, ignore_conflicts=True)
    stored = intake.stored(readable)
    new = [row for row in rows if stored[bytes(row.token_fingerprint)][0] == row.pk]
    intake.begin(queue, new, by=None, surface=Surface.QUEUE)
    kept_back = [
        Refused(item.received, *why) for item in readable if (why := intake.against(item, stored))
    ]
    quarantined = _quarantine(queue, refused + kept_back, origin)
    duplicates = len(readable) - len(new) - len(kept_back)
    return Taken(reviews=len(new), duplicates=duplicates, quarantined=quarantined)


def _locked(message_id: UUID, by: User | None, surface: str) -> QuarantinedMessage:
    """The message, locked, for somebody who may operate; where they may not, it is not even missing."""
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
    """What the kept bytes say now. Raises Invalid with the sentence where they still say nothing."""
    body = intake.body_of(row).decode(errors="surrogatepass")
    try:
        request = messages.parse(body)
    except Unreadable as error:
        raise Invalid(error.explanation, reason=error.reason) from None
    except Exception as error:  # noqa: BLE001  (a bug is no verdict: an upgrade may read the message)
        log.warning("intake.parser_failed", quarantined=str(row.pk), bug=_bug(error))
        raise Invalid("The parser fails on this message; the log says where.") from None
    received = Received(body, row.sqs_message_id, row.sent_at)
    return Readable(received, request, intake.obstacle(row.queue, request))


def _bug(error: Exception) -> str:
    """What failed and where, without the error's text: that may hold the message."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {Path(frame.filename).name}:{frame.lineno}"


def _made(row: QuarantinedMessage, item: Readable) -> tuple[ReviewTask, bool]:
    """The review of a message and whether it is new. Raises Invalid where it may not become one."""
    stored = intake.stored([item])
    made = None
    if not stored and item.obstacle is None:
        made = _inserted(row.queue, item)
        stored = intake.stored([item])  # a poller may have stored the token while we waited
    if why := intake.against(item, stored):
        reason, explanation = why
        raise Invalid(explanation, reason=reason)
    review = ReviewTask.objects.get(pk=stored[item.fingerprint][0])
    return review, made is not None and made.pk == review.pk


def _inserted(queue: ReviewQueue, item: Readable) -> ReviewTask:
    try:
        made = intake.review(queue, item)
        ReviewTask.objects.bulk_create([made], ignore_conflicts=True)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold the message: only its type is logged)
        log.warning("intake.refused_by_database", error=type(error).__name__)
        raise Invalid("The database refuses this content.", reason="not_storable") from None
    return made


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise Invalid(f"A reason has 1 to {MAX_REASON} characters.", pointer="/reason")
    try:
        strict_json.check_text(reason)
    except Unreadable as error:
        raise Invalid(error.explanation, pointer="/reason") from None
    return reason


def _quarantine(queue: ReviewQueue, refused: list[Refused], origin: Origin) -> int:
    if origin == Origin.DEAD_LETTERS:
        refused = [_dead(item) for item in refused]
    rows = [intake.quarantined(queue, item, origin) for item in refused]
    rows.sort(
        key=lambda row: (row.sqs_message_id, row.raw_body_sha256)
    )  # one order for all pollers
    QuarantinedMessage.objects.bulk_create(rows, ignore_conflicts=True)
    kept = set(
        QuarantinedMessage.objects.filter(pk__in=[row.pk for row in rows]).values_list(
            "pk", flat=True
        )
    )
    new = [row for row in rows if row.pk in kept]
    audit.open_chains(
        {
            audit.chain_of("quarantine", row.pk): audit.Entry(
                "message.quarantined",
                None,
                Surface.QUEUE,
                {
                    "queue": queue.slug,
                    "reason": row.reason,
                    "origin": row.origin,
                    "sqs_message_id": row.sqs_message_id,
                    "raw_body_sha256": bytes(row.raw_body_sha256).hex(),
                },
            )
            for row in new
        }
    )
    for row in new:
        log.warning("message.quarantined", quarantined=str(row.pk), reason=row.reason)
    return len(new)


def _dead(item: Refused) -> Refused:
    """The same refusal as the operator of dead letters reads it: one reason for all, the cause beside it."""
    explanation = f"SQS gave it up after too many receives. {item.explanation}"
    return Refused(item.received, "dead_letter", explanation)
