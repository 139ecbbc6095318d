"""Intake: each message from SQS becomes a review or a quarantined message, exactly once, or stays in SQS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import structlog
from django.db import transaction

from approvals.actors import MESSAGE_QUEUE
from approvals.exceptions import DATABASE_AWAY
from approvals.models import QuarantinedMessage, ReviewQueue
from approvals.records import duplicates, new_reviews, quarantined_messages, received_messages
from approvals.records.received_messages import Readable, Received, Refused

log = structlog.get_logger(__name__)

Origin = QuarantinedMessage.Origin
NOT_STORABLE = "The database refuses this content."
# Characters of the messages, unpacked, that are held as values at once: these take 25 times as many bytes.
MOST_HELD = 1_000_000


@dataclass(frozen=True)
class Taken:
    """How many messages became reviews, had been stored before, or went to quarantine."""

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
    they are duplicates like any other. One transaction for the batch, or for each part of it that
    MOST_HELD allows; if the database refuses the data of one row, the part is redone row by row and
    that row goes to quarantine. Raises OperationalError if the database is away: then nothing may be
    deleted.
    """
    taken = Taken()
    for part in _parts(queue, batch):
        taken += _accept(queue, part, origin)
        part.clear()  # before the next one is read
    return taken


def _parts(queue: ReviewQueue, batch: Iterable[Received]) -> Iterator[list[Readable | Refused]]:
    """The messages, parsed before the transaction, in parts that are not too much to hold.

    A kilobyte of gzip holds a megabyte of JSON, and 50 of those would take all memory of a poller.
    """
    part: list[Readable | Refused] = []
    held = 0
    for one in batch:
        part.append(received_messages.read(queue, one, message_id=one.message_id))
        held += part[-1].characters
        if held >= MOST_HELD:
            yield part
            part, held = [], 0
    if part:
        yield part


def _accept(queue: ReviewQueue, part: Sequence[Readable | Refused], origin: Origin) -> Taken:
    readable = [item for item in part if isinstance(item, Readable)]
    refused = [item for item in part if isinstance(item, Refused)]
    if origin == Origin.DEAD_LETTERS:
        readable = [_dead_letter(item) for item in readable]
    try:
        return _store(queue, readable, refused, origin)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (whatever is wrong with one row, the others are stored)
        log.warning("intake.row_by_row", queue=queue.slug, error=type(error).__name__)
    taken = Taken()
    for item in readable:
        taken += _store_alone(queue, item, origin)
    for refusal in refused:
        taken += _refuse_alone(queue, refusal, origin)
    return taken


def _dead_letter(item: Readable) -> Readable:
    """The same message with a refusal: only an operator makes a review of a dead letter."""
    reason = Refused(item.received, "dead_letter", "It can be read: replay makes it a review.")
    return replace(item, refusal=item.refusal or reason)


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
        reason = Refused(item.received, "not_storable", NOT_STORABLE)
        return _store(queue, [], [reason], origin)


def _refuse_alone(queue: ReviewQueue, refusal: Refused, origin: Origin) -> Taken:
    try:
        return _store(queue, [], [refusal], origin)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (as above)
        log.warning(
            "intake.refusal_not_stored",
            message_id=refusal.received.message_id,
            error=type(error).__name__,
        )
        reason = replace(refusal, reason="not_storable", explanation=NOT_STORABLE)
        return _store(queue, [], [reason], origin)


@transaction.atomic(durable=True)
def _store(
    queue: ReviewQueue, readable: Sequence[Readable], refused: Sequence[Refused], origin: Origin
) -> Taken:
    inserted = new_reviews.insert(queue, readable)
    new = inserted.rows
    reviews = duplicates.stored(readable, new)
    new_reviews.record_arrival(queue, inserted, by=MESSAGE_QUEUE)
    without_review = [why for item in readable if (why := duplicates.refusal_of(item, reviews))]
    quarantined = quarantined_messages.store(queue, [*refused, *without_review], origin)
    again = len(readable) - len(new) - len(without_review)
    return Taken(reviews=len(new), duplicates=again, quarantined=quarantined)
