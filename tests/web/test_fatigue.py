"""Signs of fatigue: found across hours and queues as one would find them in the decisions themselves."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from approvals.models import DecisionRollup, ReviewQueue, User
from approvals.models.decision_rollups import BOUNDS
from approvals.web.fatigue import PAUSE, Hour, longest_run, longest_work, signs
from tests import factories

NOW = datetime(2026, 11, 16, 15, 30, tzinfo=UTC)
QUEUE, PERSON = uuid4(), uuid4()


def hour_of(starts_at: datetime, decided: list[tuple[int, int]]) -> Hour:
    """The hour in which these decisions were taken: their minute, and 1 for an approval, -1 for a rejection."""
    runs = [(sign, len(list(run))) for sign, run in itertools.groupby(sign for _, sign in decided)]
    bits = 0
    for minute, _ in decided:
        bits |= 1 << minute
    ends = (runs[0][0] * runs[0][1], runs[-1][0] * runs[-1][1], max(size for _, size in runs))
    return Hour(PERSON, "ada", QUEUE, starts_at, 0, bits, len(runs), *ends)


@pytest.mark.parametrize("seed", range(50))
def test_runs_and_work_across_hours_are_those_of_the_decisions(seed: int) -> None:
    chance = random.Random(seed)
    minutes = sorted(chance.sample(range(480), chance.randrange(1, 200)))
    likely = chance.choice([0.5, 0.9, 1])
    decided = [(minute, 1 if chance.random() < likely else -1) for minute in minutes]
    hours = [
        hour_of(NOW + timedelta(hours=number), [(each[0] % 60, each[1]) for each in own])
        for number, own in itertools.groupby(decided, key=lambda each: each[0] // 60)
    ]

    signs_in_order = [sign for _, sign in decided]
    runs = [len(list(run)) for _, run in itertools.groupby(signs_in_order)]
    assert longest_run(hours) == max(runs)

    best = began = 0
    for number, minute in enumerate(minutes):
        if number == 0 or minute - minutes[number - 1] > PAUSE:
            began = minute
        best = max(best, minute - began)
    assert longest_work(hours) == timedelta(minutes=best)


def test_without_decisions_there_is_no_run_and_no_work() -> None:
    assert longest_run([]) == 0
    assert longest_work([]) == timedelta(0)


def row(queue: ReviewQueue, reviewer: User, starts_at: datetime, **fields: Any) -> None:
    """A reviewer's hour."""
    counts = {"approved": 1, "rejected": 0, "undone": 0, "quick": 0, "runs": 1}
    ends = {"first_run": 1, "last_run": 1, "longest_run": 1, "active_minutes": 1}
    DecisionRollup.objects.create(
        period="hour",
        facet="reviewer",
        queue=queue,
        reviewer=reviewer,
        starts_at=starts_at,
        decided_within=[0] * (len(BOUNDS) + 1),
        **(counts | ends | fields),
    )


@pytest.mark.django_db
def test_each_sign_is_a_sentence_about_its_reviewer(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    hour = NOW.replace(minute=0)
    run = {"first_run": -15, "last_run": -15, "longest_run": 15}
    for back in (1, 2):
        row(queue, alice, hour - timedelta(hours=back), quick=2, active_minutes=2**60 - 1, **run)
    row(queue, bob, hour)

    [found] = signs([queue], NOW)

    assert found.name == "alice@example.com"
    assert found.sentences == (
        "4 decisions in under 3 seconds after the claim",
        f"30 decisions in a row with the same outcome in {queue.name}",
    )


@pytest.mark.django_db
def test_work_in_two_queues_by_turns_has_no_pause(queue: ReviewQueue, alice: User) -> None:
    other, hour = factories.queue("refunds"), NOW.replace(minute=0)
    even = sum(1 << minute for minute in range(0, 60, 20))
    odd = even << 10
    for back in range(3):
        row(queue, alice, hour - timedelta(hours=back), active_minutes=even)
        row(other, alice, hour - timedelta(hours=back), active_minutes=odd)

    assert signs([queue], NOW) == []
    [found] = signs([queue, other], NOW)
    assert found.sentences == ("3 h without a pause of 10 minutes",)


@pytest.mark.django_db
def test_only_the_last_hours_and_the_given_queues_count(queue: ReviewQueue, alice: User) -> None:
    other, hour = factories.queue("refunds"), NOW.replace(minute=0)
    row(queue, alice, hour - timedelta(hours=13), quick=50)
    row(other, alice, hour, quick=50)

    assert signs([queue], NOW) == []
