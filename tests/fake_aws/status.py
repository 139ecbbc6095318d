"""An execution's status: EventBridge's event about it, and whether a redrive is possible."""

from __future__ import annotations

from typing import Any

from tests.fake_aws.records import Execution
from tests.fake_aws.world import ACCOUNT, World, iso


def status_event(execution: Execution, world: World, number: int) -> dict[str, Any]:
    """The event EventBridge makes of an execution's status: epoch milliseconds, null where absent."""
    stopped = None if execution.stopped_at is None else int(execution.stopped_at * 1000)
    redriven = None if execution.redriven_at is None else int(execution.redriven_at * 1000)
    return {
        "version": "0",
        "id": world.uuid_for("event", execution.arn, number),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": iso(world.now())[:-5] + "Z",
        "region": execution.machine.region,
        "resources": [execution.arn],
        "detail": {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine.arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": int(execution.started_at * 1000),
            "stopDate": stopped,
            "input": execution.input,
            "output": execution.output,
            "stateMachineVersionArn": None,
            "stateMachineAliasArn": None,
            "redriveCount": execution.redrive_count,
            "redriveDate": redriven,
            "redriveStatus": redrive_status(execution, world)[0],
            "redriveStatusReason": redrive_status(execution, world)[1],
            "inputDetails": {"included": True},
            "outputDetails": None if execution.output is None else {"included": True},
            "error": execution.error,
            "cause": execution.cause,
        },
    }


def redrive_status(execution: Execution, world: World) -> tuple[str, str | None]:
    """REDRIVABLE or NOT_REDRIVABLE with AWS's reason."""
    if execution.status == "RUNNING":
        return "NOT_REDRIVABLE", "Execution is RUNNING and cannot be redriven"
    if execution.status == "SUCCEEDED":
        return "NOT_REDRIVABLE", "Execution is SUCCEEDED and cannot be redriven"
    if world.now() - (execution.stopped_at or 0) > 14 * 86_400:
        return "NOT_REDRIVABLE", "Execution has exceeded the redrivable period"
    return "REDRIVABLE", None
