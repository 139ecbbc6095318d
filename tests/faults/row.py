"""A row of the table of verbs: preparation, the call, the recovery after a kill, and what must hold then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.db import connection

from approvals.actions import assignment
from approvals.exceptions import ApprovalsError
from approvals.models import AuditEvent
from approvals.records import idempotency
from tests.factories import actor
from tests.faults.stage import Stage

Case = SimpleNamespace
Act = Callable[[Stage, Case], object]


def nothing(_stage: Stage, _case: Case) -> str:
    """Check nothing beyond what the checker checks."""
    return ""


@dataclass(frozen=True)
class Row:
    """One verb, or one case of it. `act` is killed at a line; `recover` is called afterwards.

    `holds` returns the invariant that is violated then, or nothing. `covers` names functions of actions.
    """

    name: str
    covers: tuple[str, ...]
    ready: Callable[[Stage], Case]
    act: Act
    recover: Act | None = None
    holds: Callable[[Stage, Case], str] = nothing

    def go_on(self, stage: Stage, case: Case) -> None:
        """Do what people and processes do after a kill: call the verb again, and deliver."""
        (self.recover or again(self.act))(stage, case)


def again(act: Act) -> Act:
    """An act that calls the verb again; a refusal means that the first call had committed."""

    def once_more(stage: Stage, case: Case) -> None:
        try:
            act(stage, case)
        except (ApprovalsError, idempotency.AlreadyAnswered):
            case.refused = True

    return once_more


def recorded_once(chain: str, kind: str) -> str:
    """The violation, unless the chain has exactly one event of this kind."""
    count = AuditEvent.objects.filter(chain=chain, kind=kind).count()
    return "" if count == 1 else f"I-16 {kind} was recorded {count} times"


def execute(statement: str, *parameters: Any) -> None:
    """Run a statement; tests of time change rows, not clocks."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def ready_review(stage: Stage) -> Case:
    """A pending review."""
    return Case(review=stage.review())


def ready_claimed(stage: Stage) -> Case:
    """A review that Ada has claimed."""
    review = stage.review()
    assignment.claim(review.pk, by=actor(stage.ada))
    return Case(review=review)


def request_key(case: Case) -> idempotency.Key:
    """The idempotency key of a request about the review of this case."""
    return idempotency.Key(
        principal="faults",
        key=str(case.review.pk),
        request="POST",
        body_sha256=b"1" * 32,
        status=201,
    )
