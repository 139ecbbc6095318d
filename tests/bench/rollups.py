"""Writes rollups of decisions by COPY, as those of many reviews would be, without the reviews.

`python -m tests.bench.rollups [--reviews 10000000]` fills a database of its own with them and with some
reviews, and prints how long PostgreSQL takes for each statement of the page of leads.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from local.postgres import Server
from tests.bench import harness
from tests.paths import ROOT

CLASSES = 27  # of the time to decide
ERRORS = (
    *("FraudSuspected", "PaymentGatewayUnreachable", "PriceMismatch", "OutOfStock", ""),
    *("AddressUnknown", "CustomsForm", "CreditLimit", "DuplicateOrder", "VoucherInvalid"),
    *("States.TaskFailed", "CarrierRefused"),
)
HOURS_KEPT = 8  # days of which there are hours
_COPY = """COPY approvals_decisionrollup (period, starts_at, queue_id, facet, error_name, reviewer_id,
  approved, rejected, undone, quick, decided_within, active_minutes, runs, first_run, last_run,
  longest_run) FROM STDIN"""
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Wanted:
    """How many reviews, over how many days up to now, in which queues, decided by which people."""

    reviews: int
    days: int
    queues: Sequence[UUID]
    people: Sequence[UUID]
    now: datetime


def write(database: psycopg.Connection[Any], wanted: Wanted) -> int:
    """Write the wanted rollups in one transaction; returns how many rows."""
    count = 0
    with database.transaction(), database.cursor() as cursor, cursor.copy(_COPY) as out:
        for row in rows(wanted):
            out.write_row(row)
            count += 1
    return count


def rows(wanted: Wanted) -> Iterator[Row]:
    """The rows of each day, and of each hour of the last days; the same for the same wishes."""
    chance = random.Random(1)
    midnight = wanted.now.replace(hour=0, minute=0, second=0, microsecond=0)
    a_day = wanted.reviews / wanted.days / len(wanted.queues)
    for back in range(wanted.days):
        day = midnight - timedelta(days=back)
        for queue in wanted.queues:
            yield from _period(chance, "day", day, queue, a_day, wanted.people)
            for hour in range(24 if back < HOURS_KEPT else 0):
                at = day + timedelta(hours=hour)
                if at <= wanted.now:
                    yield from _period(chance, "hour", at, queue, a_day / 24, wanted.people)


def _period(
    chance: random.Random,
    period: str,
    at: datetime,
    queue: UUID,
    usual: float,
    people: Sequence[UUID],
) -> Iterator[Row]:
    number = round(usual * chance.uniform(0.6, 1.4))
    for error, part in zip(ERRORS, _split(chance, number, len(ERRORS)), strict=True):
        if part:
            yield (period, at, queue, "error", error, None, *_counts(chance, part), 0, 0, 0, 0, 0)
    for person, part in zip(people, _split(chance, number, len(people)), strict=True):
        if part:
            run = min(part, chance.choice((3, 5, 8, 8, 25)))
            work = (2**60 - 1, 4, run, -min(3, part), run) if period == "hour" else (0, 0, 0, 0, 0)
            yield (period, at, queue, "reviewer", "", person, *_counts(chance, part), *work)


def _split(chance: random.Random, number: int, parts: int) -> list[int]:
    """A number in parts of different sizes."""
    weights = [chance.random() ** 2 for _ in range(parts)]
    found = [int(number * weight / sum(weights)) for weight in weights]
    found[0] += number - sum(found)
    return found


def _counts(chance: random.Random, number: int) -> tuple[Any, ...]:
    """Approved, rejected, undone, quick, and the histogram of so many decisions."""
    approved = round(number * chance.uniform(0.6, 0.9))
    within = [0] * CLASSES
    middle = chance.randrange(9, 15)
    left = number
    for distance in (0, 1, -1, 2, -2, 3, 4, 5):
        taken = (left + 1) // 2 if distance != 5 else left
        within[middle + distance] += taken
        left -= taken
    return approved, number - approved, number // 80, number // 200, within


def main() -> int:
    """Fill a database, and print the time of each statement of the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rollups", description=__doc__)
    parser.add_argument("--reviews", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--held", type=int, default=50_000, help="reviews that are rows themselves")
    asked = parser.parse_args()
    folder = ROOT / "var" / f"bench-{os.getpid()}"
    server = Server.start(folder / "postgres", durable=False)
    try:
        harness.django_ready(server.url)
        from tests.bench import lead_page  # noqa: PLC0415  (it needs Django)

        for line in lead_page.measure(server.url, asked.reviews, asked.days, asked.held):
            print(line, flush=True)  # noqa: T201
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
