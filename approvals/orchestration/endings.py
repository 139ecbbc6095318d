"""Which errors are outcomes of the business: those that a Fail state of the workflow names.

A redrive of such an execution enters the Fail state again and fails again (dg/redrive-executions), so
these orders begin anew instead. Every other error is an outage, stands where it happened, and is redriven.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from approvals.models import OrderExecution, Workflow

SHIPPED = Path(__file__).parent / "definitions" / "order_fulfillment.asl.json"


def is_an_outcome(order: OrderExecution) -> bool:
    """Whether a Fail state ended the order: of the definition it ran where that is known, else of ours."""
    if not order.error:
        return False
    ran = Workflow.objects.filter(histories__execution_arn=order.execution_arn).first()
    return order.error in (set(errors_of_fail_states(ran.document)) if ran else _shipped())


def errors_of_fail_states(definition: Any) -> Iterator[str]:
    """The Error of every Fail state, at any depth of Parallel and Map."""
    states = definition.get("States") if isinstance(definition, dict) else None
    for state in states.values() if isinstance(states, dict) else []:
        if not isinstance(state, dict):
            continue
        if state.get("Type") == "Fail" and isinstance(state.get("Error"), str):
            yield state["Error"]
        branches = state.get("Branches")
        for inner in branches if isinstance(branches, list) else []:
            yield from errors_of_fail_states(inner)
        yield from errors_of_fail_states(state.get("ItemProcessor") or state.get("Iterator"))


@cache
def _shipped() -> set[str]:
    return set(errors_of_fail_states(json.loads(SHIPPED.read_text(encoding="utf-8"))))
