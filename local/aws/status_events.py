"""Events "Step Functions Execution Status Change" of EventBridge, for Standard workflows only."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from moto.events.models import events_backends
from moto.stepfunctions.parser.api import ExecutionStatus

_MAX_EVENT_DATA = 248_000  # with more, the event has `included: false` instead of the data

logger = logging.getLogger(__name__)


def announce(execution: Any, status: ExecutionStatus) -> None:
    """Send the event; a failure is only logged, because AWS sends it on a best-effort basis."""
    if execution.sm_type == "EXPRESS":
        return
    try:
        events_backends[execution.account_id][execution.region_name].put_events(
            [
                {
                    "Source": "aws.states",
                    "DetailType": "Step Functions Execution Status Change",
                    "Detail": json.dumps(_detail(execution, status.value)),
                    "Resources": [execution.exec_arn],
                }
            ]
        )
    except Exception:
        logger.warning("no status event for %s", execution.exec_arn, exc_info=True)


def _detail(execution: Any, status: str) -> dict[str, Any]:
    output = execution.output if status == "SUCCEEDED" else None
    included = len(execution.execution_input) + len(output or "") <= _MAX_EVENT_DATA
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": execution.alias_arn,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "redriveCount": execution.redrive_count,
        "redriveDate": _milliseconds(execution.redrive_date),
        "input": execution.execution_input if included else None,
        "inputDetails": {"included": included},
        "output": output if included else None,
        "outputDetails": None if output is None else {"included": included},
        "error": execution.error,
        "cause": execution.cause,
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
