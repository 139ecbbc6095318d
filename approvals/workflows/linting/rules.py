"""What a rule and a finding are, and what a queue adds: its limits and its error name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from approvals.workflows.asl.states import Definition


@dataclass(frozen=True)
class Limits:
    """What the queue at hand has: seconds that an undo lasts and that SQS keeps a message, and the error
    with which it rejects. The defaults are a new queue's, and SQS's own retention of 4 days.
    """

    undo_seconds: int = 10
    retention_seconds: int = 345_600
    error_name: str = "ReviewRejected"


class Found(NamedTuple):
    """What a check has seen: where (a JSON Pointer), why it is wrong, and what to write instead."""

    pointer: str
    reason: str
    fix: str


Check = Callable[[Definition, Limits], Iterable[Found]]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong; `bugs` are the textbook's numbers (docs/workflows.md)."""

    id: str
    title: str
    check: Check
    bugs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A rule that does not hold at a place."""

    rule: Rule
    found: Found
