"""The rows of the report: what each measures, its unit and its goal, by group; and how they are judged."""

from __future__ import annotations

import operator
import re
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Spec:
    """A row before it is measured.

    `goal` is `<= 6` or `>= 2`, about the value, or about the ratio if `ratio` stands before it; empty: the
    row is only reported. `higher` says that a higher value is better. The ratio compares with the floor so
    that 1 is as good as the floor and less is worse, whichever way is better.
    """

    name: str
    unit: str
    goal: str = ""
    higher: bool = False


@dataclass(frozen=True)
class Measured:
    """The value of a row and that of its floor (or peer, or smaller database) in the same run."""

    value: float
    floor: float | None = None


@dataclass(frozen=True)
class Group:
    """Rows that are measured together. `run` gets the bench and returns the measured rows by name."""

    name: str
    specs: tuple[Spec, ...]
    run: Callable[[Any], dict[str, Measured]]


def report(spec: Spec, measured: Measured | None, why: str, others: float) -> dict[str, Any]:
    """A row of `var/bench.json`. Without a measurement `value` is None, `ok` False, and `why` says why."""
    value = measured.value if measured else None
    floor = measured.floor if measured else None
    ratio = None
    if value and floor:
        ratio = value / floor if spec.higher else floor / value
    return {
        "name": spec.name,
        "value": _rounded(value),
        "unit": spec.unit,
        "floor": _rounded(floor),
        "ratio": _rounded(ratio),
        "goal": spec.goal,
        "ok": _judge(spec.goal, value, ratio),
        "others": round(others, 2),
        "why": why,
    }


def _judge(goal: str, value: float | None, ratio: float | None) -> bool | None:
    """Whether the goal is reached; None for a row without one."""
    match = re.fullmatch(r"(ratio )?(<=|>=) ([\d.,]+)", goal)
    if match is None:
        return None if value is not None else False
    judged = ratio if match[1] else value
    return judged is not None and _COMPARE[match[2]](judged, float(match[3].replace(",", "")))


def _rounded(value: float | None) -> float | None:
    """Three significant digits, or whole numbers."""
    if value is None:
        return None
    return round(value, 1) if abs(value) >= 100 else float(f"{value:.3g}")


def line(row: dict[str, Any]) -> str:
    """A row as a line of the table."""

    def shown(name: str) -> str:
        value = row[name]
        return "-" if value is None else f"{value:g}" if abs(value) < 1e5 else f"{value:.0f}"

    mark = {True: "ok", False: "NOT", None: ""}[row["ok"]]
    return (
        f"{row['name']:<34}{shown('value'):>10} {row['unit']:<9}{shown('floor'):>9}"
        f"{shown('ratio'):>8}  {row['goal']:<14}{mark:<4}{row['others']:>5.0%}  {row['why']}"
    ).rstrip()


HEADER = f"{'row':<34}{'value':>10} {'unit':<9}{'floor':>9}{'ratio':>8}  {'goal':<14}{'':<4}{'others':>6}"


def interleaved(runs: int, contenders: dict[str, Callable[[], T]]) -> dict[str, list[T]]:
    """What each contender measured in each run; in a run they take turns, so that noise hits all alike."""
    found: dict[str, list[T]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, measure in contenders.items():
            found[name].append(measure())
    return found


def median(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that so many per cent do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
