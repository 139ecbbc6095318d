"""A lead's figures: sums of rollups, and times from their histograms."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any

import pytest

from approvals.models import DecisionRollup, ReviewQueue, User
from approvals.models.decision_rollups import BOUNDS, OTHER_ERRORS
from approvals.web.lead_figures import (
    FEW,
    MOST_ERRORS,
    RANGES,
    TODAY,
    Figures,
    class_label,
    quantile,
    report,
)
from tests import factories

NOW = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)
WEEK, MONTH = RANGES[1:]


def classes(seconds: Iterable[float]) -> list[int]:
    """How many of these times are in each class, counted one by one."""
    counts = [0] * (len(BOUNDS) + 1)
    for each in seconds:
        counts[sum(each >= bound for bound in BOUNDS)] += 1
    return counts


def rollup(queue: ReviewQueue, starts_at: datetime, **fields: Any) -> None:
    """A row of a rollup, of a day and of errors unless `fields` say otherwise."""
    counts = {"approved": 0, "rejected": 0, "undone": 0, "quick": 0}
    row = {"period": "day", "facet": "error", "decided_within": classes([])} | counts | fields
    DecisionRollup.objects.create(queue=queue, starts_at=starts_at, **row)


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("usual", [20, 300, 5_000, 90_000])
def test_a_quantile_of_the_histogram_is_near_that_of_the_times(part: float, usual: float) -> None:
    chance = random.Random(7)
    times = [chance.lognormvariate(0, 1) * usual for _ in range(5_000)]

    found = quantile(classes(times), part)

    exact = quantiles(times, n=10)[int(part * 10) - 1]
    assert found == pytest.approx(exact, rel=0.12)


def test_without_decisions_there_is_no_quantile_and_beyond_the_bounds_it_has_none() -> None:
    assert quantile(classes([]), 0.5) is None
    assert quantile(classes([BOUNDS[-1] + 1]), 0.5) == float("inf")
    figures = Figures("", approved=1, within=tuple(classes([BOUNDS[-1] + 1])))
    assert (figures.median, Figures("").median) == ("over 7 d", "\u2013")


def test_the_labels_of_the_classes_join() -> None:
    assert [class_label(0), class_label(13), class_label(len(BOUNDS))] == [
        "under 5 s",
        "20 min to 30 min",
        "over 7 d",
    ]
    labels = [class_label(number).removeprefix("under ") for number in range(len(BOUNDS))]
    for one, other in itertools.pairwise(labels):
        low, high = other.split(" to ")
        assert one.endswith(low)
        assert low != high


def test_rates_of_few_decisions_are_not_shown() -> None:
    assert Figures("", approved=FEW - 1).approval_rate == "\u2013"
    assert Figures("", approved=9, rejected=1, undone=10).approval_rate == "90 %"
    assert Figures("", approved=9, rejected=1, undone=10).undo_rate == "50.0 %"


def test_a_range_has_a_period_for_each_hour_of_today_or_each_day() -> None:
    assert [start.hour for start in TODAY.starts(NOW)] == list(range(10))
    days = WEEK.starts(NOW)
    assert (days[0], days[-1], len(days)) == (
        datetime(2026, 11, 10, tzinfo=UTC),
        datetime(2026, 11, 16, tzinfo=UTC),
        7,
    )
    assert len(MONTH.starts(NOW)) == 30


@pytest.mark.django_db
def test_a_report_sums_by_period_queue_error_and_reviewer(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    other, hidden = factories.queue("refunds", name="Refunds"), factories.queue("hidden")
    yesterday, today = WEEK.starts(NOW)[-2:]
    hours = classes([3_599] * 3)
    rollup(queue, today, error_name="A", approved=2, rejected=1, decided_within=hours)
    rollup(queue, yesterday, error_name="B", approved=1, undone=4, quick=1)
    rollup(other, today, error_name="A", rejected=5)
    rollup(hidden, today, error_name="A", approved=99)
    rollup(queue, today - timedelta(days=7), error_name="A", approved=50)
    rollup(queue, NOW.replace(minute=0), period="hour", error_name="A", approved=70)
    for reviewer, approved in ((alice, 3), (bob, 5), (None, 1)):
        rollup(queue, today, facet="reviewer", reviewer=reviewer, approved=approved)

    found = report([queue, other], WEEK, NOW)

    assert (found.total.approved, found.total.rejected, found.total.undone) == (3, 6, 4)
    assert found.total.quick == 1
    assert [figures.decided for _, figures in found.by_period] == [0, 0, 0, 0, 0, 1, 8]
    assert [(one.label, one.decided) for one in found.by_queue] == [
        ("Refunds", 5),
        (queue.name, 4),
    ]
    assert [(one.label, one.approved, one.rejected) for one in found.by_error] == [
        ("A", 2, 6),
        ("B", 1, 0),
    ]
    assert [(one.label, one.decided) for one in found.by_reviewer] == [
        ("bob@example.com", 5),
        ("alice@example.com", 3),
        ("Decided by the queue at the deadline", 1),
    ]
    assert found.total.median == "52 min"


@pytest.mark.django_db
def test_the_errors_beyond_the_first_are_one_row_at_the_end(queue: ReviewQueue) -> None:
    today = WEEK.starts(NOW)[-1]
    rollup(queue, today, error_name=OTHER_ERRORS, approved=1_000)
    for number in range(MOST_ERRORS + 3):
        rollup(queue, today, error_name=f"E{number:02}", approved=100 - number)

    rows = report([queue], WEEK, NOW).by_error

    assert len(rows) == MOST_ERRORS + 1
    assert (rows[-1].label, rows[-1].approved) == (OTHER_ERRORS, 1_000 + 88 + 87 + 86)
