"""Signs that a reviewer is tired or does not read: hurried decisions, long runs of one outcome, no pause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import NamedTuple
from uuid import UUID

from approvals.models import ReviewQueue
from approvals.records import statements
from approvals.records.decision_rollups import QUICK
from approvals.spans import span

LOOKED_BACK = timedelta(hours=11)  # from the start of the running hour: at most 12 hours
MANY_QUICK = 3  # decisions in less than QUICK after the claim
LONG_RUN = 20  # decisions with the same outcome in a queue, one after another
PAUSE = 10  # minutes without a decision
LONG_WORK = timedelta(hours=2)  # without a pause

_READ = """
SELECT r.reviewer_id, coalesce(nullif(u.name, ''), u.email), r.queue_id, r.starts_at,
  r.quick, r.active_minutes, r.runs, r.first_run, r.last_run, r.longest_run
FROM approvals_decisionrollup r JOIN approvals_user u ON u.id = r.reviewer_id
WHERE r.period = 'hour' AND r.starts_at >= %s AND r.queue_id = ANY(%s) AND r.facet = 'reviewer'
  AND r.runs > 0
ORDER BY 2, r.reviewer_id, r.queue_id, r.starts_at
"""


class Hour(NamedTuple):
    """What somebody decided on the desk in one queue in one hour, as the rollup has it."""

    reviewer: UUID
    name: str
    queue: UUID
    starts_at: datetime
    quick: int
    active_minutes: int
    runs: int
    first_run: int
    last_run: int
    longest_run: int


@dataclass(frozen=True)
class Signs:
    """A reviewer with at least one sign, each as a sentence."""

    name: str
    sentences: tuple[str, ...]


def signs(queues: Sequence[ReviewQueue], now: datetime) -> list[Signs]:
    """The reviewers of these queues with a sign of fatigue in the last hours, by name; one statement."""
    since = now.replace(minute=0, second=0, microsecond=0) - LOOKED_BACK
    found = statements.all_rows(_READ, [since, [queue.pk for queue in queues]], keep_plan=False)
    names = {queue.pk: queue.name for queue in queues}
    seen = []
    for _, own in groupby((Hour(*row) for row in found), key=lambda hour: hour.reviewer):
        hours = list(own)
        sentences = tuple(_sentences(hours, names))
        if sentences:
            seen.append(Signs(hours[0].name, sentences))
    return seen


def longest_run(hours: Iterable[Hour]) -> int:
    """The length of the longest run of one outcome in a queue, across these hours in their order."""
    longest = running = 0
    for hour in hours:
        goes_on = running * hour.first_run > 0  # the same sign: the same outcome
        joined = hour.first_run + (running if goes_on else 0)
        longest = max(longest, abs(joined), hour.longest_run)
        running = joined if hour.runs == 1 else hour.last_run
    return longest


def longest_work(hours: Iterable[Hour]) -> timedelta:
    """The longest time from a decision to another without a pause between, in any of the queues."""
    minutes = sorted(
        {
            int(hour.starts_at.timestamp()) // 60 + minute
            for hour in hours
            for minute in range(60)
            if hour.active_minutes >> minute & 1
        }
    )
    best, began = 0, minutes[0] if minutes else 0
    for before, minute in pairwise(minutes):
        if minute - before > PAUSE:
            began = minute
        best = max(best, minute - began)
    return timedelta(minutes=best)


def _sentences(hours: Sequence[Hour], names: dict[UUID, str]) -> Iterable[str]:
    quick = sum(hour.quick for hour in hours)
    if quick >= MANY_QUICK:
        seconds = int(QUICK.total_seconds())
        yield f"{quick} decisions in under {seconds} seconds after the claim"
    for queue, own in groupby(hours, key=lambda hour: hour.queue):
        run = longest_run(own)
        if run >= LONG_RUN:
            yield f"{run} decisions in a row with the same outcome in {names[queue]}"
    work = longest_work(hours)
    if work >= LONG_WORK:
        yield f"{span(work)} without a pause of {PAUSE} minutes"
