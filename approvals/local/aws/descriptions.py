"""DescribeExecution and ListExecutions: what AWS tells of an execution, and what it leaves out."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.responses import StepFunctionResponse

from approvals.local.aws import executions, redrive

_list = StepFunctionResponse.list_executions
_WHERE_KNOWN = {
    "stopDate": "stop_date",
    "error": "error",
    "cause": "cause",
    "mapRunArn": "map_run_arn",
}


def install() -> None:
    """Put the documented answers in place of moto's own."""
    StepFunctionResponse.describe_execution = _describe_execution
    StepFunctionResponse.list_executions = _list_executions


def _describe_execution(self: Any) -> Any:
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    with executions.ending:
        answer = {
            "executionArn": execution.execution_arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.start_date,
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            **redrive.state_of(execution),
        }
        # AWS leaves out what there is not: error and cause, for one, of a timed-out execution.
        known = {key: getattr(execution, name) for key, name in _WHERE_KNOWN.items()}
        answer |= {key: value for key, value in known.items() if value is not None}
        if execution.exec_status == ExecutionStatus.SUCCEEDED:
            answer |= {"output": execution.output, "outputDetails": {"included": True}}
    return ActionResult(answer)


def _list_executions(self: Any) -> Any:
    answer = _list(self)
    for item in answer.result["executions"]:
        execution = self.stepfunction_backend.describe_execution(item["executionArn"])
        item["redriveCount"] = execution.redrive_count
        if execution.redrive_date is not None:
            item["redriveDate"] = execution.redrive_date
        if execution.stop_date is not None:  # moto forgets it for TIMED_OUT
            item["stopDate"] = execution.stop_date
    return answer
