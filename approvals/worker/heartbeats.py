"""The pacemaker: calls SendTaskHeartbeat for what is due, a few threads a place, and learns from answers.

Its own thread alone speaks to the database; the threads of a place only make calls. So a silent AWS
holds up some beats of its own place, and never those of another.
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
from approvals.delivery import heartbeats
from approvals.delivery.heartbeats import Beat, Load
from approvals.exceptions import KeyMissing
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import ReviewQueue
from approvals.records import places, service_quotas, tokens

log = structlog.get_logger(__name__)

THREADS = 12  # a place; a call takes some 20 ms, so these make more calls than any quota allows
LINE = 4 * THREADS  # calls begun or waiting for a thread
WORTH_A_CLAIM = THREADS  # claims and answers go to the database in handfuls, not one by one
GATHERING = 0.02  # seconds
LONGEST_NAP = 1.0  # seconds: how soon a new review is noticed
LOOK_EVERY, REPORT_EVERY = 1.0, 30.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds without a call, after AWS has throttled one


@dataclass
class Pace:
    """The calls of one place: its threads, what they are at, and its pause after throttling."""

    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS))
    under_way: set[UUID] = field(default_factory=set)
    pause: float = 0.0
    resume_at: float = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether AWS has throttled a moment ago."""
        return time.monotonic() < self.resume_at

    def room(self) -> int:
        """How many more calls may be begun: a short line before the threads, none during a pause."""
        room = LINE - len(self.under_way)
        if self.is_paused or room < WORTH_A_CLAIM:
            return 0
        return room

    def slow_down(self) -> float:
        """AWS has throttled: wait twice as long as the last time. Returns for how long, in seconds."""
        if not self.is_paused:  # of many refusals of one burst, the first one counts
            self.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self.pause * 2))
            self.resume_at = time.monotonic() + self.pause
        return self.pause


class Pacemaker:
    """Keeps alive every open token of the queues that ask for it; `turn` after `turn`, by one thread."""

    def __init__(self) -> None:
        self._paces: dict[Place, Pace] = defaultdict(Pace)
        self._answers: SimpleQueue[tuple[ReviewQueue, UUID, Answer]] = SimpleQueue()
        self._look_at = self._report_at = 0.0
        self._is_behind = False
        self._queues: list[ReviewQueue] = []

    def turn(self) -> int:
        """Begin the calls that are due, write down the answers that came, nap; returns how many were begun.

        Raises what DATABASE_AWAY names; rows that were claimed then come up again at their next turn.
        """
        self._look_around()
        begun = sum(self._begin(queue) for queue in self._queues)
        self._learn(self._nap(begun))
        return begun

    def close(self) -> None:
        """End the calls under way (a silent AWS holds one for 21 s) and write down their answers."""
        for pace in self._paces.values():
            pace.pool.shutdown(cancel_futures=True)
        self._learn(0)

    def _look_around(self) -> None:
        """Each second: what is new, what is over. Each half minute: everything, and a report.

        Where there is more than one look takes in (a first start), the next looks are thorough too.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        self._queues = heartbeats.queues()
        heartbeats.retire()
        is_time = now >= self._report_at
        if self._queues:
            found = heartbeats.enroll(self._queues, thoroughly=is_time or self._is_behind)
            self._is_behind = found >= heartbeats.ENROLL_AT_ONCE
        if is_time:
            self._report_at = now + REPORT_EVERY
            for queue in self._queues:
                heartbeats.hasten(queue)
            self._report(heartbeats.load(self._queues))

    def _report(self, loads: list[Load]) -> None:
        """How many tokens there are and how many there can be: a line a queue, a warning above."""
        for load in loads:
            log.info(
                "heartbeats.load",
                queue=load.queue.slug,
                open_tokens=load.open_tokens,
                due=load.due,
                capacity=load.capacity,
            )
        _warn(loads)

    def _begin(self, queue: ReviewQueue) -> int:
        pace = self._paces[places.of_queue(queue)]
        room = pace.room()
        if not room:
            return 0
        beats = [b for b in heartbeats.claim(queue, limit=room) if b.review not in pace.under_way]
        for beat in beats:
            pace.under_way.add(beat.review)
            pace.pool.submit(self._call, pace, queue, beat)
        return len(beats)

    def _call(self, pace: Pace, queue: ReviewQueue, beat: Beat) -> None:
        """One request, in a thread of the place; whatever happens, an answer comes of it."""
        answer = Answer(Proof.NOT_SENT, "Unforeseen")
        try:
            if pace.is_paused:  # AWS throttled while this one stood in line
                answer = Answer(Proof.THROTTLED, "Paused")
                return
            token = tokens.unseal(beat.sealed_token, row=beat.review, column="sealed_token")
            answer = stepfunctions.send_task_heartbeat(beat.place, token.decode())
        except KeyMissing:
            answer = Answer(Proof.NOT_SENT, "KeyMissing")
        except Exception:
            log.exception("heartbeat.failed", review=str(beat.review))
        finally:
            self._answers.put((queue, beat.review, answer))

    def _nap(self, begun: int) -> float:
        """Seconds to wait for an answer: none to speak of while there is work, one at most."""
        if begun or any(pace.under_way for pace in self._paces.values()):
            return 0.05
        left = heartbeats.seconds_until_due()
        if left is None or not self._queues:
            return LONGEST_NAP
        return min(LONGEST_NAP, max(left, 0.05))

    def _learn(self, seconds: float) -> None:
        """Wait so long for a first answer, gather, then write all down, by queue and meaning."""
        told: dict[ReviewQueue, dict[tuple[Proof, str], list[UUID]]] = {}
        for queue, review, answer in self._gathered(seconds):
            self._paces[places.of_queue(queue)].under_way.discard(review)
            meanings = told.setdefault(queue, {})
            meanings.setdefault((answer.proof, answer.code), []).append(review)
        for queue, meanings in told.items():
            for (proof, code), reviews in meanings.items():
                self._judge(queue, proof, code, reviews)

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

    def _judge(self, queue: ReviewQueue, proof: Proof, code: str, reviews: list[UUID]) -> None:
        pace = self._paces[places.of_queue(queue)]
        if proof == Proof.ACCEPTED:
            heartbeats.beaten(reviews)
            pace.pause = 0.0
            return
        if proof == Proof.CLOSED:
            heartbeats.closed(reviews)
            log.info("heartbeat.closed", queue=queue.slug, reviews=[str(pk) for pk in reviews])
            return
        soon = heartbeats.interval(queue) / service_quotas.BEATS_A_LIFE
        if proof == Proof.THROTTLED:
            heartbeats.again(reviews, seconds=min(soon, pace.slow_down()))
        elif proof != Proof.INVALID_TOKEN:  # which is asked at its next turn: sooner helps nobody
            heartbeats.again(reviews, seconds=soon)
        log.warning("heartbeat.refused", queue=queue.slug, code=code, tokens=len(reviews))


def _warn(loads: list[Load]) -> None:
    """A line for each place whose queues together ask for more than its quota allows us."""
    shares: dict[Place, list[Load]] = defaultdict(list)
    for load in loads:
        shares[places.of_queue(load.queue)].append(load)
    for place, together in shares.items():
        share = sum(load.share for load in together)
        if share > 1:
            log.warning(
                "heartbeats.too_many_tokens",
                region=place.region,
                queues=[load.queue.slug for load in together],
                open_tokens=sum(load.open_tokens for load in together),
                times_the_capacity=round(share, 2),
            )
