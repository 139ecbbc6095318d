"""DescribeExecution and ListExecutions, with the fields that AWS documents."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws import executions, redrive, state_machine_versions
from local.aws.pagination import page

_IN_A_LIST = {
    "stopDate": "stop_date",
    "mapRunArn": "map_run_arn",
    "stateMachineVersionArn": "version_arn",
    "stateMachineAliasArn": "alias_arn",
}


def install() -> None:
    """Replace moto's responses."""
    StepFunctionResponse.describe_execution = _describe_execution
    StepFunctionResponse.list_executions = _list_executions


def _describe_execution(self: Any) -> Any:
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    with executions.ending:
        response = {
            **list_item(execution),
            **redrive.redrive_fields(execution),
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            # AWS leaves out a field without a value, such as error and cause of a timed-out execution.
            **_set_fields(execution, {"error": "error", "cause": "cause"}),
        }
        if execution.exec_status == ExecutionStatus.SUCCEEDED:
            response |= {"output": execution.output, "outputDetails": {"included": True}}
    return ActionResult(response)


def list_item(execution: Any) -> dict[str, Any]:
    """Return `execution` as an item of a list."""
    redriven = redrive.redrive_fields(execution)
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        **_set_fields(execution, _IN_A_LIST),
        **{key: redriven[key] for key in ("redriveCount", "redriveDate") if key in redriven},
    }


def _set_fields(execution: Any, names: dict[str, str]) -> dict[str, Any]:
    found = {key: getattr(execution, name) for key, name in names.items()}
    return {key: value for key, value in found.items() if value is not None}


def _list_executions(self: Any) -> Any:
    """List the executions of a state machine, or of a version or alias of it, newest first."""
    arn, status = self._get_param("stateMachineArn"), self._get_param("statusFilter")
    machine = state_machine_versions.target(self.stepfunction_backend, arn).machine
    found = [
        execution
        for execution in reversed(machine.executions)
        if arn in {machine.arn, execution.version_arn, execution.alias_arn}
        and status in {None, execution.status}
    ]
    shown, more = page(self, found, lambda execution: str(execution.exec_arn))
    return ActionResult({"executions": [list_item(each) for each in shown], **more})
