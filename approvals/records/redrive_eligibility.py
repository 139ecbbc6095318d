"""How a failed order is restarted: by a redrive, or by a new attempt if its failure was an outcome."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache

from approvals.models import OrderExecution, Workflow
from approvals.records import database_time
from approvals.workflows.asl.fail_states import fail_state_errors
from approvals.workflows.installed_definitions import installed_definitions

REDRIVABLE_FOR = timedelta(days=14)  # Step Functions developer guide, redrive-executions


def reason_for_new_attempt(order: OrderExecution) -> str:
    """The code of the reason why a redrive would have no effect; empty if it may have one."""
    if not order.execution_arn:
        return "never_started"
    if order.ended_at is not None and database_time.now() - order.ended_at >= REDRIVABLE_FOR:
        return "ended_14_days_ago"
    return "fail_state" if ended_in_fail_state(order) else ""


def ended_in_fail_state(order: OrderExecution) -> bool:
    """Whether the order's error is one that a Fail state of its workflow raises; others are outages.

    The workflow is the stored definition that the execution ran, or else the installed one.
    """
    if not order.error:
        return False
    workflow = Workflow.objects.filter(histories__execution_arn=order.execution_arn).first()
    return order.error in (fail_state_errors(workflow.document) if workflow else _installed())


@cache
def _installed() -> frozenset[str]:
    definition = installed_definitions()["order_fulfillment"].read_text(encoding="utf-8")
    return fail_state_errors(json.loads(definition))
