"""DescribeMapRun, ListMapRuns and UpdateMapRun, and other calls about a Map Run's executions."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws import execution_descriptions
from local.aws.map_runs import MapRun, runs
from local.aws.pagination import page

_COUNTS = {
    "pending": "PENDING",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "timedOut": "TIMED_OUT",
    "aborted": "ABORTED",
    "pendingRedrive": "PENDING_REDRIVE",
}


def install() -> None:
    """Replace moto's calls."""
    StepFunctionResponse.describe_map_run = _describe_map_run
    StepFunctionResponse.list_map_runs = _list_map_runs
    StepFunctionResponse.update_map_run = _update_map_run
    StepFunctionResponse.list_executions = _or_of_map_run(StepFunctionResponse.list_executions)
    for call in ("get_execution_history", "stop_execution"):
        setattr(StepFunctionResponse, call, _not_for_express(getattr(StepFunctionResponse, call)))


def _find(arn: str) -> MapRun:
    run = runs.get(arn)
    if run is None:
        raise AWSError(f"Resource not found: '{arn}'", "ResourceNotFound")
    return run


def _describe_map_run(self: Any) -> Any:
    run = _find(self._get_param("mapRunArn"))
    dates = {"stopDate": run.stopped, "redriveDate": run.redriven}
    return ActionResult(
        {
            "mapRunArn": run.arn,
            "executionArn": run.execution_arn,
            "status": run.status,
            "startDate": run.started,
            "maxConcurrency": run.max_concurrency,
            "toleratedFailureCount": run.tolerance.count or 0,
            "toleratedFailurePercentage": run.tolerance.percentage or 0.0,
            "itemCounts": _counts(run, of_items=True),
            "executionCounts": _counts(run, of_items=False),
            "redriveCount": run.redrives,
            **{name: date for name, date in dates.items() if date},
        }
    )


def _counts(run: MapRun, *, of_items: bool) -> dict[str, int]:
    counted = run.counts(of_items=of_items)
    shown = {name: counted[status] for name, status in _COUNTS.items()}
    written = counted.total() - counted["PENDING"] if run.results_written else 0
    return {**shown, "total": counted.total(), "resultsWritten": written}


def _list_map_runs(self: Any) -> Any:
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    found = [run for run in list(runs.values()) if run.execution_arn == execution.exec_arn]
    return ActionResult(
        {
            "mapRuns": [
                {
                    "executionArn": run.execution_arn,
                    "mapRunArn": run.arn,
                    "stateMachineArn": run.machine.arn,
                    "startDate": run.started,
                    **({"stopDate": run.stopped} if run.stopped else {}),
                }
                for run in found
            ]
        }
    )


def _or_of_map_run(original: Any) -> Any:
    """Wrap ListExecutions so that it lists the children of mapRunArn, newest first."""

    def list_executions(self: Any) -> Any:
        arn = self._get_param("mapRunArn")
        if arn is None:
            return original(self)
        if self._get_param("stateMachineArn") is not None:
            message = "Either stateMachineArn or mapRunArn, not both"
            raise AWSError(message, "ValidationException")
        status = self._get_param("statusFilter")
        children = [
            child
            for child in reversed(_find(arn).children or [])
            if child.execution and status in {None, child.status}
        ]
        shown, more = page(self, children, lambda child: str(child.execution.exec_arn))
        items = [execution_descriptions.list_item(child.execution) for child in shown]
        for item, child in zip(items, shown, strict=True):
            item["itemCount"] = child.items
        return ActionResult({"executions": items, **more})

    return list_executions


def _not_for_express(original: Any) -> Any:
    """Wrap a call so that it refuses EXPRESS executions.

    API reference: their history is in CloudWatch Logs, and StopExecution does not support them.
    """

    def for_standard(self: Any) -> Any:
        arn = self._get_param("executionArn")
        if ":express:" in arn:
            raise AWSError(
                f"Invalid Arn: 'Resource type not valid in this context: {arn}'", "InvalidArn"
            )
        return original(self)

    return for_standard


def _update_map_run(self: Any) -> Any:
    run = _find(self._get_param("mapRunArn"))
    if run.status != "RUNNING":
        message = "A completed Map Run cannot be updated"
        raise AWSError(message, "ValidationException")
    most = self._get_param("maxConcurrency")
    count = self._get_param("toleratedFailureCount")
    percentage = self._get_param("toleratedFailurePercentage")
    run.max_concurrency = run.max_concurrency if most is None else int(most)
    run.tolerance.count = run.tolerance.count if count is None else int(count)
    if percentage is not None:
        run.tolerance.percentage = float(percentage)
    return EmptyResult()
