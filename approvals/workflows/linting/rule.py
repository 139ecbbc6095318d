"""What a rule and a finding are, and the settings of a review queue that rules compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from approvals.workflows.asl.model import Definition


@dataclass(frozen=True)
class QueueSettings:
    """How long the queue lets a decision be undone and SQS keeps its messages, in seconds, and its error name.

    `error_name` is the error with which the queue rejects. The defaults are those of a new queue, and
    SQS's own retention of 4 days.
    """

    undo_seconds: int = 10
    retention_seconds: int = 345_600
    error_name: str = "ReviewRejected"


class Violation(NamedTuple):
    """Where a rule is broken (a JSON Pointer), why that is wrong, and what to write instead."""

    pointer: str
    reason: str
    fix: str


Check = Callable[[Definition, QueueSettings], Iterable[Violation]]


@dataclass(frozen=True)
class Rule:
    """One rule; `bugs` are the numbers of the textbook's bugs that it finds (docs/workflows.md)."""

    id: str
    title: str
    check: Check
    bugs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A rule, and one place that breaks it."""

    rule: Rule
    violation: Violation
