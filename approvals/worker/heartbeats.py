"""The heartbeat sender: calls SendTaskHeartbeat for every due token, with a thread pool for each place.

Only the sender's own thread uses the database; the threads of a place only make calls. So an AWS that
does not answer delays some heartbeats of its own place, and never those of another.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from uuid import UUID

import structlog

from approvals.arns import Place
from approvals.exceptions import KeyMissing
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import ReviewQueue
from approvals.records import heartbeats, places, service_quotas, tokens
from approvals.records.heartbeats import Beat, Load

log = structlog.get_logger(__name__)

THREADS = 12  # a place; a call takes some 20 ms, so these make more calls than any quota allows
MOST_UNDER_WAY = 4 * THREADS  # calls begun or waiting for a thread
LEAST_CLAIM = THREADS  # claims and answers go to the database several at a time, not one by one
GATHERING = 0.02  # seconds
LONGEST_WAIT = 1.0  # seconds: how soon a new review is noticed
LOOK_EVERY, REPORT_EVERY = 1.0, 30.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds without a call, after AWS has throttled one


@dataclass
class PlacePool:
    """The threads that call one place, the reviews they call for, and the pause after a throttling."""

    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS))
    under_way: set[UUID] = field(default_factory=set)
    pause: float = 0.0
    resume_at: float = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether AWS has throttled a moment ago."""
        return time.monotonic() < self.resume_at

    def free(self) -> int:
        """How many more calls may be begun: a short queue before the threads, none during a pause."""
        free = MOST_UNDER_WAY - len(self.under_way)
        if self.is_paused or free < LEAST_CLAIM:
            return 0
        return free

    def slow_down(self) -> float:
        """AWS has throttled: pause twice as long as the last time. Returns for how long, in seconds."""
        if not self.is_paused:  # of many refusals of one burst, the first one counts
            self.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self.pause * 2))
            self.resume_at = time.monotonic() + self.pause
        return self.pause


class HeartbeatSender:
    """Keeps every open token alive of the queues that ask for it; one thread calls `turn` repeatedly."""

    def __init__(self) -> None:
        self._pools: dict[Place, PlacePool] = defaultdict(PlacePool)
        self._answers: SimpleQueue[tuple[ReviewQueue, UUID, Answer]] = SimpleQueue()
        self._look_at = self._report_at = 0.0
        self._is_behind = False
        self._queues: list[ReviewQueue] = []
        self._places: dict[UUID, Place] = {}  # of the queues, as they were seen last

    def turn(self) -> int:
        """Begin the calls that are due, record the answers that came, wait; returns how many were begun.

        Raises the errors of `exceptions.DATABASE_AWAY`; heartbeats that were not recorded are sent again.
        """
        self._refresh()
        begun = sum(self._begin(place, queues) for place, queues in self._by_place().items())
        self._record_answers(self._seconds_to_wait(begun))
        return begun

    def close(self) -> None:
        """End the calls under way (a silent AWS holds one for 21 s) and record their answers."""
        for pool in self._pools.values():
            pool.threads.shutdown(cancel_futures=True)
        self._record_answers(0)

    def _refresh(self) -> None:
        """Each second: enroll what is new, retire what is over. Each half minute: all of it, and a report.

        If more is new than one pass enrolls (a first start), the next passes are thorough too.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        self._queues = heartbeats.queues()
        self._notice_new_places()
        heartbeats.retire()
        is_time = now >= self._report_at
        if self._queues:
            found = heartbeats.enroll(self._queues, thoroughly=is_time or self._is_behind)
            self._is_behind = found >= heartbeats.ENROLL_AT_ONCE
        if is_time:
            self._report_at = now + REPORT_EVERY
            for queue in self._queues:
                heartbeats.bring_forward(queue)
            self._report(heartbeats.load(self._queues))

    def _report(self, loads: list[Load]) -> None:
        """Log how many tokens are open and how many can be: a line a queue, a warning if there are too many."""
        for load in loads:
            log.info(
                "heartbeats.load",
                queue=load.queue.slug,
                open_tokens=load.open_tokens,
                due=load.due,
                capacity=load.capacity,
            )
        _warn(loads)

    def _by_place(self) -> dict[Place, list[ReviewQueue]]:
        """The queues that share a quota, so that their tokens are claimed together."""
        found: dict[Place, list[ReviewQueue]] = defaultdict(list)
        for queue in self._queues:
            found[places.of_queue(queue)].append(queue)
        return found

    def _notice_new_places(self) -> None:
        """Try the tokens again that AWS has refused of queues whose region or role has changed, or is new here."""
        now = {queue.pk: places.of_queue(queue) for queue in self._queues}
        for queue in self._queues:
            if self._places.get(queue.pk) != now[queue.pk]:
                heartbeats.try_refused_again(queue)
        self._places = now

    def _begin(self, place: Place, queues: list[ReviewQueue]) -> int:
        pool = self._pools[place]
        free = pool.free()
        if not free:
            return 0
        beats = [b for b in heartbeats.claim(queues, limit=free) if b.review not in pool.under_way]
        for beat in beats:
            pool.under_way.add(beat.review)
            pool.threads.submit(self._call, pool, beat)
        return len(beats)

    def _call(self, pool: PlacePool, beat: Beat) -> None:
        """Make one request, in a thread of the place; always puts an answer into the queue of answers."""
        answer = Answer(Proof.NOT_SENT, "Unforeseen")
        try:
            if pool.is_paused:  # AWS throttled while this call waited for its thread
                answer = Answer(Proof.THROTTLED, "Paused")
                return
            token = tokens.unseal(beat.sealed_token, row=beat.review, column="sealed_token")
            answer = stepfunctions.send_task_heartbeat(beat.place, token.decode())
        except KeyMissing:
            answer = Answer(Proof.NOT_SENT, "KeyMissing")
        except Exception:
            log.exception("heartbeat.failed", review=str(beat.review))
        finally:
            self._answers.put((beat.queue, beat.review, answer))

    def _seconds_to_wait(self, begun: int) -> float:
        """How long to wait for an answer: hardly at all while calls are under way, one second at most."""
        if begun or any(pool.under_way for pool in self._pools.values()):
            return 0.05
        left = heartbeats.seconds_until_due()
        if left is None or not self._queues:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(left, 0.05))

    def _record_answers(self, seconds: float) -> None:
        """Wait so long for a first answer, gather more, then record all, by queue and proof."""
        answered: dict[ReviewQueue, dict[tuple[Proof, str], list[UUID]]] = {}
        for queue, review, answer in self._gathered(seconds):
            self._pools[places.of_queue(queue)].under_way.discard(review)
            by_proof = answered.setdefault(queue, {})
            by_proof.setdefault((answer.proof, answer.code), []).append(review)
        for queue, by_proof in answered.items():
            for (proof, code), reviews in by_proof.items():
                self._record(queue, proof, code, reviews)

    def _gathered(self, seconds: float) -> Iterator[tuple[ReviewQueue, UUID, Answer]]:
        until = time.monotonic() + seconds
        gathering = False
        try:
            while True:
                yield self._answers.get(timeout=max(0.0, until - time.monotonic()))
                if not gathering:
                    gathering, until = True, min(until, time.monotonic() + GATHERING)
        except Empty:
            return

    def _record(self, queue: ReviewQueue, proof: Proof, code: str, reviews: list[UUID]) -> None:
        pool = self._pools[places.of_queue(queue)]
        if proof == Proof.ACCEPTED:
            heartbeats.record_accepted(reviews)
            pool.pause = 0.0
            return
        if proof == Proof.CLOSED:
            heartbeats.record_closed(reviews)
            log.info("heartbeat.closed", queue=queue.slug, reviews=[str(pk) for pk in reviews])
            return
        soon = heartbeats.interval(queue) / service_quotas.BEATS_PER_TIMEOUT
        if proof == Proof.THROTTLED:
            heartbeats.retry_in(reviews, seconds=min(soon, pool.slow_down()))
        elif proof == Proof.INVALID_TOKEN:  # which keeps its next turn: sooner would not help
            if given_up := heartbeats.record_refused(reviews):
                log.warning("heartbeat.given_up", queue=queue.slug, tokens=given_up)
        else:
            heartbeats.retry_in(reviews, seconds=soon)
        log.warning("heartbeat.refused", queue=queue.slug, code=code, tokens=len(reviews))


def _warn(loads: list[Load]) -> None:
    """Log a warning for each place whose queues together ask for more than its quota allows us."""
    by_place: dict[Place, list[Load]] = defaultdict(list)
    for load in loads:
        by_place[places.of_queue(load.queue)].append(load)
    for place, together in by_place.items():
        share = sum(load.share for load in together)
        if share > 1:
            log.warning(
                "heartbeats.too_many_tokens",
                region=place.region,
                queues=[load.queue.slug for load in together],
                open_tokens=sum(load.open_tokens for load in together),
                times_the_capacity=round(share, 2),
            )
