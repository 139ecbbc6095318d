"""Calls of SendTaskHeartbeat in tests: what is answered, and when each token was called for."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from django.db.models.functions import Now

from approvals.arns import Place
from approvals.gateways.errors import Answer, Proof
from approvals.models import Heartbeat
from approvals.worker.heartbeats import HeartbeatSender

OK = Answer(Proof.ACCEPTED)


class Beats:
    """In place of SendTaskHeartbeat: answers as set up, and keeps the times of the calls for each token."""

    def __init__(self) -> None:
        self.answer: Answer | Callable[[str], Answer] = OK
        self.places: set[Place] = set()
        self.times: dict[str, list[float]] = defaultdict(list)

    def __call__(self, place: Place, token: str) -> Answer:
        self.times[token].append(time.monotonic())
        self.places.add(place)
        return self.answer(token) if callable(self.answer) else self.answer

    def __len__(self) -> int:
        return sum(len(times) for times in self.times.values())


def until_quiet(sender: HeartbeatSender) -> None:
    """Turn until nothing is begun and every answer is recorded."""
    sender._look_at = sender._report_at = 0
    while sender.turn() or any(pool.under_way for pool in sender._pools.values()):
        pass


def all_due() -> None:
    """A third of the heartbeat seconds has gone by for every row."""
    Heartbeat.objects.update(due_at=Now() - timedelta(milliseconds=1))
