"""A lead's figures of a range of time, read from the rollups of decisions in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from approvals.models import ReviewQueue
from approvals.models.decision_rollups import BOUNDS, OTHER_ERRORS, DecisionRollup
from approvals.records import statements
from approvals.spans import span

MOST_ERRORS, MOST_REVIEWERS = 12, 50
NO_NUMBER = "\u2013"  # a dash
FEW = 10  # decisions, of which a rate would say little

Period = DecisionRollup.Period
_SUMS = """sum(approved) AS approved, sum(rejected) AS rejected, sum(undone) AS undone,
    sum(quick) AS quick, ARRAY[{}] AS within""".format(
    ", ".join(f"sum(decided_within[{number}])" for number in range(1, len(BOUNDS) + 2))
)
# In each part, the rows of the range by one of the facets: the rollups have the same decisions in both. Periods
# are named one by one, because PostgreSQL does not know that days are older than hours.
_READ = f"""
WITH by_error AS (
  SELECT CASE 0 WHEN grouping(starts_at) THEN 'time' WHEN grouping(queue_id) THEN 'queue'
    ELSE 'error' END, starts_at, queue_id, error_name, NULL::uuid, NULL, {_SUMS}
  FROM approvals_decisionrollup
  WHERE period = %s AND starts_at = ANY(%s) AND queue_id = ANY(%s) AND facet = 'error'
  GROUP BY GROUPING SETS ((starts_at), (queue_id), (error_name))
), by_reviewer AS (
  SELECT reviewer_id, {_SUMS}
  FROM approvals_decisionrollup
  WHERE period = %s AND starts_at = ANY(%s) AND queue_id = ANY(%s) AND facet = 'reviewer'
  GROUP BY reviewer_id ORDER BY sum(approved + rejected + undone) DESC LIMIT %s
)
SELECT * FROM by_error UNION ALL
SELECT 'reviewer', NULL, NULL, NULL, r.reviewer_id, coalesce(nullif(u.name, ''), u.email),
  r.approved, r.rejected, r.undone, r.quick, r.within
FROM by_reviewer r LEFT JOIN approvals_user u ON u.id = r.reviewer_id
"""  # noqa: S608  (all of it is written here)


@dataclass(frozen=True)
class Range:
    """A range of time that a page can show: its name in the URL, its label, and its days with today."""

    name: str
    label: str
    days: int

    @property
    def period(self) -> Period:
        """What a column of its charts stands for."""
        return Period.HOUR if self.days == 1 else Period.DAY

    def starts(self, now: datetime) -> list[datetime]:
        """When each of its periods starts, up to the running one, in UTC."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.period == Period.HOUR:
            return [midnight + timedelta(hours=number) for number in range(now.hour + 1)]
        return [midnight - timedelta(days=number) for number in reversed(range(self.days))]


TODAY = Range("today", "Today", 1)
RANGES = (TODAY, Range("7d", "7 days", 7), Range("30d", "30 days", 30))


@dataclass(frozen=True)
class Figures:
    """What was decided: counts without what was undone, and how many within each of BOUNDS and after."""

    label: str
    approved: int = 0
    rejected: int = 0
    undone: int = 0
    quick: int = 0
    within: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)

    def __add__(self, other: Figures) -> Figures:
        """Both together, under the label of the first."""
        return Figures(
            self.label,
            self.approved + other.approved,
            self.rejected + other.rejected,
            self.undone + other.undone,
            self.quick + other.quick,
            tuple(map(sum, zip(self.within, other.within, strict=True))),
        )

    @property
    def decided(self) -> int:
        """The decisions that were not undone."""
        return self.approved + self.rejected

    @property
    def decided_label(self) -> str:
        """The number of decisions that were not undone, such as `40,308`."""
        return f"{self.decided:,}"

    @property
    def is_few(self) -> bool:
        """Whether they are too few to be compared."""
        return self.decided < FEW

    @property
    def approval_rate(self) -> str:
        """The share of approvals, such as `82 %`; a dash for few decisions."""
        return NO_NUMBER if self.is_few else f"{100 * self.approved / self.decided:.0f} %"

    @property
    def undo_rate(self) -> str:
        """The share of all decisions that was undone; a dash for few decisions."""
        return (
            NO_NUMBER
            if self.is_few
            else f"{100 * self.undone / (self.decided + self.undone):.1f} %"
        )

    @property
    def median(self) -> str:
        """The time within which half of the reviews were decided, from their arrival."""
        return _time(quantile(self.within, 0.5))

    @property
    def p90(self) -> str:
        """The time within which nine of ten reviews were decided, from their arrival."""
        return _time(quantile(self.within, 0.9))


@dataclass(frozen=True)
class Report:
    """The figures of a range: in all, by period, queue, error and reviewer."""

    total: Figures
    by_period: tuple[tuple[datetime, Figures], ...]
    by_queue: tuple[Figures, ...]
    by_error: tuple[Figures, ...]
    by_reviewer: tuple[Figures, ...]


def report(queues: Sequence[ReviewQueue], over: Range, now: datetime) -> Report:
    """The figures of these queues, in one statement; reviewers and errors with the most decisions first."""
    starts = over.starts(now)
    which: list[Any] = [over.period.value, starts, [queue.pk for queue in queues]]
    found = statements.all_rows(_READ, [*which, *which, MOST_REVIEWERS], keep_plan=False)
    names: dict[UUID, str] = {queue.pk: queue.name for queue in queues}
    by_start = {row[1]: _figures("", row) for row in found if row[0] == "time"}
    periods = [(start, by_start.get(start, Figures(""))) for start in starts]
    return Report(
        sum((figures for _, figures in periods), Figures("All")),
        tuple(periods),
        _sorted(_figures(names[row[2]], row) for row in found if row[0] == "queue"),
        _with_rest(_sorted(_figures(row[3], row) for row in found if row[0] == "error")),
        _sorted(_figures(_reviewer(row), row) for row in found if row[0] == "reviewer"),
    )


def quantile(within: Sequence[int], part: float) -> float | None:
    """The seconds within which this part of the counts lies, even between two bounds; None without counts.

    The counts are of the classes of BOUNDS. For the last class, which has no bound, infinity.
    """
    wanted, below = sum(within) * part, 0
    if not wanted:
        return None
    for (low, high), count in zip(pairwise((0, *BOUNDS)), within, strict=False):
        if count and below + count >= wanted:
            return low + (high - low) * (wanted - below) / count
        below += count
    return float("inf")


def class_label(number: int) -> str:
    """How long the reviews of a class took, such as `20 min to 30 min`."""
    bounds = [_bound(seconds) for seconds in BOUNDS]
    if number == len(BOUNDS):
        return f"over {bounds[-1]}"
    return f"{bounds[number - 1]} to {bounds[number]}" if number else f"under {bounds[0]}"


def _bound(seconds: int) -> str:
    """One of BOUNDS in its largest unit of which it has at least two, so that no two look the same."""
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    size, unit = next((each for each in units if seconds >= 2 * each[0]), (1, "s"))
    return f"{seconds // size} {unit}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return NO_NUMBER
    if seconds == float("inf"):
        return class_label(len(BOUNDS))
    return span(timedelta(seconds=seconds))


def _figures(label: str, row: Sequence[Any]) -> Figures:
    *counts, within = row[6:]
    approved, rejected, undone, quick = map(int, counts)
    return Figures(label, approved, rejected, undone, quick, tuple(map(int, within)))


def _reviewer(row: Sequence[Any]) -> str:
    return row[5] or "Decided by the queue at the deadline"


def _sorted(figures: Iterable[Figures]) -> tuple[Figures, ...]:
    return tuple(sorted(figures, key=lambda one: (-one.decided, one.label)))


def _with_rest(errors: tuple[Figures, ...]) -> tuple[Figures, ...]:
    """The errors with the most decisions, and the others as one at the end."""
    rest = [one for one in errors if one.label == OTHER_ERRORS]
    named = [one for one in errors if one.label != OTHER_ERRORS]
    rest += named[MOST_ERRORS:]
    end = (sum(rest, Figures(OTHER_ERRORS)),) if rest else ()
    return (*named[:MOST_ERRORS], *end)
