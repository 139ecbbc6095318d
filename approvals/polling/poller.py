"""Polls SQS: receive by long poll, store, then delete. Nothing is deleted that is not stored durably.

If the database is away, nothing is received or deleted until it is back. A stop finishes the batch in
progress: a poll waits 5 s at most, and an SQS that does not answer holds a call for 28 s (gateways/aws).
Dead letters are read by the same loops, and only on request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import DatabaseError, InterfaceError, connection

from approvals.actions import intake
from approvals.exceptions import DATABASE_AWAY, Unavailable
from approvals.gateways import sqs
from approvals.models import ReviewQueue
from approvals.polling import attachments, replays, sources, statuses
from approvals.records.received_messages import Received
from approvals.records.retry_backoff import seconds_before_retry

log = structlog.get_logger(__name__)

WAIT_SECONDS = 5
LONGEST_PAUSE = 30.0
NEW_QUEUES_EVERY = 10.0  # seconds
# Messages of several receives are stored in one transaction while the queue is full, as far as memory bears it.
MOST_AT_ONCE, MOST_CHARACTERS = 5 * sqs.BATCH, 2_000_000


@dataclass
class Budget:
    """How many messages may still be taken, shared by threads; None is no limit."""

    left: int | None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, most: int) -> int:
        """Reserve up to `most` messages."""
        with self._lock:
            if self.left is None:
                return most
            taken = min(self.left, most)
            self.left -= taken
            return taken

    @property
    def at_once(self) -> int:
        """The most to take at a time: what is limited is shared in small parts."""
        return MOST_AT_ONCE if self.left is None else sqs.BATCH

    def give_back(self, unused: int) -> None:
        """Return what a receive did not use."""
        with self._lock:
            if self.left is not None:
                self.left += unused


def poll_once(
    queue: ReviewQueue, *, wait_seconds: int, limit: int = sqs.BATCH, dead_letters: bool = False
) -> int:
    """Receive up to `limit` messages, store and delete them; returns how many were received.

    More than one receive (10 messages) is made only while each brings as many as it may. With `dead_letters`,
    from the queue's dead-letter queue into quarantine; dead letters of other queues are left there. Raises
    Unavailable if SQS does not answer, and OperationalError if the database is away: then the messages stay
    and come back after their visibility timeout.
    """
    source = sources.dead_letters_of(queue) if dead_letters else sources.messages_of(queue)
    received = _receive(source, wait_seconds, limit)
    batch = source.ours(received)
    if len(batch) < len(received):
        log.warning("poll.not_ours", queue=queue.slug, messages=len(received) - len(batch))
    if not batch:
        return len(received)
    taken, stored, refused = intake.Taken(), 0, list[str]()
    for part in _parts(queue, batch):
        taken += intake.accept(queue, [one for _, one in part], origin=source.origin)
        stored += len(part)
        refused += _delete(source, [message for message, _ in part])
        part.clear()  # before the next one is read
    if not stored:
        return len(received)
    if refused:  # they come back and are recognised as duplicates: harmless, but worth a line
        log.warning("poll.delete_refused", queue=queue.slug, messages=refused)
    log.info(
        "poll.batch",
        queue=queue.slug,
        origin=str(source.origin),
        messages=stored,
        reviews=taken.reviews,
        duplicates=taken.duplicates,
        quarantined=taken.quarantined,
    )
    return len(received)


def _parts(
    queue: ReviewQueue, batch: Iterable[sqs.Message]
) -> Iterator[list[tuple[sqs.Message, Received]]]:
    """Messages with what belongs to them, in parts of about MOST_CHARACTERS: each may point to a megabyte in S3.

    Without those whose object S3 does not give now: they come back.
    """
    part: list[tuple[sqs.Message, Received]] = []
    held = 0
    for message in batch:
        one = attachments.received(queue, message)
        if one is None:
            continue
        part.append((message, one))
        held += one.characters
        if held >= MOST_CHARACTERS:
            yield part
            part, held = [], 0
    if part:
        yield part


def _delete(source: sources.Source, batch: Sequence[sqs.Message]) -> list[str]:
    """Delete what is stored; returns the ids of the messages that SQS refuses to delete."""
    return [
        refusal
        for first in range(0, len(batch), sqs.BATCH)
        for refusal in sqs.delete(source.place, source.url, batch[first : first + sqs.BATCH])
    ]


def _receive(source: sources.Source, wait_seconds: int, limit: int) -> list[sqs.Message]:
    """Messages of one receive or several; of one that came twice, with its latest receipt."""
    place, url = source.place, source.url
    found = sqs.receive(place, url, wait_seconds=wait_seconds, limit=limit)
    unique = {message.message_id: message for message in found}
    while len(found) == sqs.BATCH and limit - len(unique) >= sqs.BATCH:
        if sum(len(message.body) for message in unique.values()) > MOST_CHARACTERS:
            break
        before = len(unique)
        try:
            found = sqs.receive(place, url, wait_seconds=0, limit=sqs.BATCH)
        except Unavailable as error:  # what was received is stored; the next poll says it again
            log.warning("poll.receive_failed", error=error.message)
            break
        unique |= {message.message_id: message for message in found}
        if len(unique) == before:
            break
    return list(unique.values())


def poll_until_empty(queue: ReviewQueue, budget: Budget, *, dead_letters: bool = False) -> int:
    """Poll until one empty response or until the budget is spent; returns how many messages were received."""
    total = 0
    while limit := budget.take(budget.at_once):
        received = poll_once(queue, wait_seconds=1, limit=limit, dead_letters=dead_letters)
        budget.give_back(limit - received)
        total += received
        if received == 0:
            break
    return total


def poll_forever(
    queue: ReviewQueue, stop: threading.Event, budget: Budget, *, dead_letters: bool = False
) -> None:
    """Poll a queue until `stop` is set, it is disabled, or the budget is spent; outlives every failure."""
    failures = 0
    try:
        while not stop.is_set() and (limit := budget.take(budget.at_once)):
            received = 0
            try:
                # Read before each receive: without a database nothing is received, and a change of the
                # queue takes effect at once.
                current = ReviewQueue.objects.filter(pk=queue.pk, enabled=True).first()
                if current is None:
                    return
                received = poll_once(
                    current, wait_seconds=WAIT_SECONDS, limit=limit, dead_letters=dead_letters
                )
                failures = 0
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                failures = _pause("poll.database_away", queue, error, failures, stop)
            except Unavailable as error:
                failures = _pause("poll.queue_away", queue, error, failures, stop)
            except Exception as error:  # a thread that ended would leave its queue unread
                log.exception("poll.failed", queue=queue.slug)
                failures = _pause("poll.failed", queue, error, failures, stop)
            finally:
                budget.give_back(limit - received)
    finally:
        connection.close()


def poll_queues(
    slugs: list[str],
    stop: threading.Event,
    *,
    threads: int,
    budget: Budget,
    dead_letters: bool = False,
) -> None:
    """Poll the queues of these slugs (none: all enabled ones, new ones too) until `stop` is set."""
    running: dict[tuple[str, int], threading.Thread] = {}
    helpers = [] if dead_letters else _helpers(stop, all_queues=not slugs)
    while not stop.is_set():
        for queue in _enabled(slugs):
            for number in range(threads):
                thread = running.get((queue.slug, number))
                if thread is None or not thread.is_alive():
                    running[queue.slug, number] = _start(
                        queue, stop, budget, dead_letters=dead_letters
                    )
        stop.wait(NEW_QUEUES_EVERY)
        if budget.left == 0 and not any(thread.is_alive() for thread in running.values()):
            break  # while one lives, it may give back what the others then poll for
    for thread in running.values():
        thread.join()
    stop.set()
    for helper in helpers:
        helper.join()


def _helpers(stop: threading.Event, *, all_queues: bool) -> list[threading.Thread]:
    """The threads beside those of the queues: for status events, and for replays that read S3."""
    events = statuses.start(stop) if all_queues else None
    return [*([events] if events else []), replays.start(stop)]


def _enabled(slugs: list[str]) -> list[ReviewQueue]:
    queues = ReviewQueue.objects.filter(enabled=True)
    try:
        return list(queues.filter(slug__in=slugs) if slugs else queues)
    except DATABASE_AWAY as error:
        log.warning("poll.database_away", error=type(error).__name__)
        connection.close()
        return []


def _start(
    queue: ReviewQueue, stop: threading.Event, budget: Budget, *, dead_letters: bool
) -> threading.Thread:
    thread = threading.Thread(
        target=poll_forever,
        args=(queue, stop, budget),
        kwargs={"dead_letters": dead_letters},
        name=f"{'dead-letters' if dead_letters else 'poll'}-{queue.slug}",
    )
    thread.start()
    return thread


def _pause(
    event: str, queue: ReviewQueue, error: Exception, failures: int, stop: threading.Event
) -> int:
    pause = seconds_before_retry(failures, longest=LONGEST_PAUSE)
    log.warning(event, queue=queue.slug, error=str(error)[:300], pause=round(pause, 1))
    stop.wait(pause)
    return min(failures + 1, 6)
