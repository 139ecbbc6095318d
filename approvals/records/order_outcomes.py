"""Whether a failed order had an outcome: an error that a Fail state of its workflow names."""

from __future__ import annotations

import json
from functools import cache

from approvals.models import OrderExecution, Workflow
from approvals.workflows.asl.fail_states import fail_state_errors
from approvals.workflows.installed_definitions import installed_definitions


def ended_in_fail_state(order: OrderExecution) -> bool:
    """Whether the order's error is an outcome: one that a Fail state of its workflow raises.

    Every other error is an outage. The workflow is the definition that the execution ran, where that
    is stored, else the one installed here.
    """
    if not order.error:
        return False
    workflow = Workflow.objects.filter(histories__execution_arn=order.execution_arn).first()
    return order.error in (fail_state_errors(workflow.document) if workflow else _installed())


@cache
def _installed() -> frozenset[str]:
    definition = installed_definitions()["order_fulfillment"].read_text(encoding="utf-8")
    return fail_state_errors(json.loads(definition))
