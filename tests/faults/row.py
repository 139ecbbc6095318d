"""A row of the table of verbs: how to get ready, what to do, how life goes on after a kill, what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.db import connection

from approvals.exceptions import ApprovalsError
from approvals.models import AuditEvent
from approvals.records import idempotency
from tests.faults.stage import Stage

Case = SimpleNamespace
Act = Callable[[Stage, Case], object]


def nothing(_stage: Stage, _case: Case) -> str:
    """Nothing beyond what the checker sees."""
    return ""


@dataclass(frozen=True)
class Row:
    """One verb, or one course of it. `act` is what is killed; then `mend` is life going on.

    `holds` says what does not hold afterwards, or nothing. `covers` names functions of actions.
    """

    name: str
    covers: tuple[str, ...]
    ready: Callable[[Stage], Case]
    act: Act
    mend: Act | None = None
    holds: Callable[[Stage, Case], str] = nothing

    def go_on(self, stage: Stage, case: Case) -> None:
        """What people and processes do after the kill: the same again, and then deliver."""
        (self.mend or again(self.act))(stage, case)


def again(act: Act) -> Act:
    """Whoever was cut off tries once more; a refusal says that it had been done."""

    def once_more(stage: Stage, case: Case) -> None:
        try:
            act(stage, case)
        except (ApprovalsError, idempotency.AlreadyAnswered):
            case.refused = True

    return once_more


def recorded_once(chain: str, kind: str) -> str:
    """What is wrong unless the chain tells of this exactly once."""
    count = AuditEvent.objects.filter(chain=chain, kind=kind).count()
    return "" if count == 1 else f"I-16 {kind} was recorded {count} times"


def execute(statement: str, *parameters: Any) -> None:
    """Move rows, where a test of time would move a clock."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
