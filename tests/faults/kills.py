"""Line kills: a child runs one verb and kills itself at one executed line of ours; then life goes on.

Only lines of approvals/ count. A kill before a line is a kill after the one before it, so that the
line after a commit or after a call of AWS is the one where nobody has heard of it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connection
from django.urls import reverse

import approvals
from tests.faults import checker, verbs
from tests.faults.report import Result
from tests.faults.row import Case, Row
from tests.faults.stage import Stage, forked
from tests.faults.truth import Breach

OURS = str(Path(approvals.__file__).parent)
REPEATS = 5
FEWEST, FEW = 4, 2  # lines of each verb, however small the scale; and below a hundredth of it


@dataclass(frozen=True)
class Point:
    """Before which line, the how-manieth time, a child dies."""

    file: str
    line: int
    time: int

    def __str__(self) -> str:
        return f"{self.file.removeprefix(OURS + '/')}:{self.line}" + f" #{self.time}" * (
            self.time > 1
        )


class Tracer:
    """Counts executed lines of ours; at `point` it sends this process SIGKILL."""

    def __init__(self, point: Point | None = None) -> None:
        self.seen: Counter[tuple[str, int]] = Counter()
        self._point = point

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        """A new frame: its lines are only followed where it is ours."""
        return self._line if frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            place = frame.f_code.co_filename, frame.f_lineno
            self.seen[place] += 1
            point = self._point
            if point and place == (point.file, point.line) and self.seen[place] == point.time:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def campaign(stage: Stage, scale: float, only: list[str] | None = None) -> Result:
    """Every line of every verb, five times each; a small scale takes a sample of lines, once each."""
    result = Result("line-kills")
    reverse("home")  # loads every view: else the first child would count the lines of their imports
    at: Counter[str] = Counter()
    lines = 0
    for row in verbs.ROWS:
        if only and row.name not in only:
            continue
        case = row.ready(stage)
        seen = lines_of(stage, row, case)
        lines += len(seen)
        result.breaches += _recovered(stage, row, case, "a run to its end")
        for point in sample(seen, scale, stage.rng):
            result.planned += 1
            died = _kill(stage, row, point, result)
            if not died and (other := _elsewhere(stage, row, point, result)):
                died = _kill(stage, row, other, result)
            result.fired += died
            at[row.name] += died
    result.breaches += _with_kills(stage, stage.judge(slugs=tuple(stage.queues)))
    left = stage.unfired()
    result.breaches += [Breach("harness", f"planned and never happened: {fault}") for fault in left]
    result.notes = {"lines": lines, "kills by verb": dict(at), **checker.ambiguities()}
    return result


def _kill(stage: Stage, row: Row, point: Point, result: Result) -> bool:
    """Kill a child at the point and go on; whether it died there."""
    case = row.ready(stage)
    died = killed(stage, row, case, point)
    where = f"{row.name}, killed at {point}" if died else f"{row.name}, not killed at {point}"
    result.breaches += _recovered(stage, row, case, where)
    return died


def _elsewhere(stage: Stage, row: Row, point: Point, result: Result) -> Point | None:
    """Another point of the verb, if this one is only passed by a process that does it for the first time.

    Children are forked from this process, which keeps what it has cached while it went on after the
    kills before. A line that a child of now still passes has no excuse: None.
    """
    case = row.ready(stage)
    seen = lines_of(stage, row, case)
    result.breaches += _recovered(stage, row, case, "a run to its end")
    if seen.get((point.file, point.line), 0) >= point.time:
        return None
    place = stage.rng.choice(sorted(seen))
    return Point(*place, stage.rng.randint(1, seen[place]))


def sample(seen: dict[tuple[str, int], int], scale: float, rng: random.Random) -> list[Point]:
    """All lines, as often as the scale requires, each time in a later pass of a loop; or a sample."""
    repeats = round(REPEATS * scale)
    if repeats:
        return [
            Point(*place, min(number, count))
            for number in range(1, repeats + 1)
            for place, count in seen.items()
        ]
    places, least = sorted(seen), FEWEST if scale >= 0.01 else FEW
    wanted = min(len(places), max(least, round(len(places) * REPEATS * scale)))
    return [Point(*place, rng.randint(1, seen[place])) for place in rng.sample(places, wanted)]


def lines_of(stage: Stage, row: Row, case: Case) -> dict[tuple[str, int], int]:
    """How often each line of ours runs in this verb, found by a child that does it to the end."""
    reading, writing = os.pipe()

    def follow() -> None:
        tracer = Tracer()
        _traced(tracer, lambda: row.act(stage, case))
        counted = [[file, line, count] for (file, line), count in tracer.seen.items()]
        with os.fdopen(writing, "w") as pipe:
            json.dump(counted, pipe)

    pid = forked(follow, log=stage.folder / "children.log")
    os.close(writing)
    with os.fdopen(reading) as pipe:
        counted = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status or not counted:
        raise RuntimeError(f"{row.name} did not run to its end: see {stage.folder}/children.log")
    return {(file, line): count for file, line, count in json.loads(counted)}


def killed(stage: Stage, row: Row, case: Case, point: Point) -> bool:
    """Whether the child died at the point; where it did not, it ran to its end."""
    pid = forked(
        lambda: _traced(Tracer(point), lambda: row.act(stage, case)),
        log=stage.folder / "children.log",
    )
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _traced(tracer: Tracer, act: Callable[[], object]) -> None:
    sys.settrace(tracer)
    try:
        act()
    finally:
        sys.settrace(None)


def _recovered(stage: Stage, row: Row, case: Case, where: str) -> list[Breach]:
    """Recover after the kill, and return what does not hold then."""
    review = getattr(case, "review", None)
    if review is not None:
        stage.notes[str(review.pk)] = where
    _wait_for_the_dead()
    try:
        row.go_on(stage, case)
        problem = row.holds(stage, case)
    except Exception as error:  # noqa: BLE001  (a recovery that fails is what is looked for)
        problem = f"I-11 going on raised {type(error).__name__}: {error}"
    if not problem:
        return []
    invariant, _, what = problem.partition(" ")
    return [Breach(invariant, f"{where}: {what}")]


def _wait_for_the_dead() -> None:
    """PostgreSQL notices a killed client when it next reads from it; until then its locks are held."""
    with connection.cursor() as cursor:
        for _ in range(200):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.005)


def _with_kills(stage: Stage, breaches: list[Breach]) -> list[Breach]:
    """The breaches, each with the kill that its review went through."""
    return [
        Breach(
            b.invariant,
            f"{b.what} ({stage.notes[b.about]})" if b.about in stage.notes else b.what,
            b.counts_as,
            b.about,
        )
        for b in breaches
    ]
