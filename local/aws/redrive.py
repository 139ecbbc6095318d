"""RedriveExecution: an execution that did not succeed continues from the state where it ended.

Developer guide, "Restarting state machine executions with redrive": the ARN, definition and input
stay, the history continues, retries and timeouts start from zero. Of a Parallel or an inline Map
only the branches and iterations that did not succeed run again, of a distributed Map the children
that did not. The limits of 14 days and 24,999 events are not checked here.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws import executions, executor, status_events
from local.aws.execution_progress import Part

_work = ExecutionWorker._execution_logic
_redriving = threading.Lock()


def install() -> None:
    """Add the call, and make a worker continue where an earlier one ended."""
    Execution.redrive_count, Execution.redrive_date, Execution.map_run_arn = 0, None, None
    Execution.progress, Execution.redrive_tokens = None, ()
    ExecutionWorker._get_evaluation_environment = _environment_with_progress
    ExecutionWorker._execution_logic = _start_or_continue
    StepFunctionResponse.redrive_execution = _redrive_execution


def redrive_fields(execution: Any) -> dict[str, Any]:
    """Return the fields of DescribeExecution about redriving this execution."""
    fields: dict[str, Any] = {"redriveCount": execution.redrive_count}
    if execution.redrive_date is not None:
        fields["redriveDate"] = execution.redrive_date
    reason = _refusal(execution)
    if reason is not None:
        return {**fields, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    by_map_run = execution.map_run_arn is not None
    return {**fields, "redriveStatus": "REDRIVABLE_BY_MAP_RUN" if by_map_run else "REDRIVABLE"}


def _refusal(execution: Any) -> str | None:
    if execution.status in {"RUNNING", "SUCCEEDED"}:
        return f"Execution is {execution.status} and cannot be redriven"
    return None


def _redrive_execution(self: Any) -> Any:
    arn, token = self._get_param("executionArn"), self._get_param("clientToken")
    execution = self.stepfunction_backend.describe_execution(arn)
    with _redriving:
        if not token or token not in execution.redrive_tokens:
            reason = _refusal(execution)
            if reason is None and execution.map_run_arn is not None:
                reason = "Execution was started by a Map Run: redrive the parent workflow"
            if reason is not None:
                message = f"Execution Not Redrivable: '{reason}'"
                raise AWSError(message, "ExecutionNotRedrivable")
            prepare(execution)
            execution.redrive_tokens = (*execution.redrive_tokens, token)[-10:]
            execution.exec_worker.start()
    return ActionResult({"redriveDate": execution.redrive_date})


def prepare(execution: Any) -> None:
    """Set the execution to RUNNING with a new worker, which the caller starts."""
    history = execution.exec_worker.env.event_manager
    with executions.ending:
        execution.redrive_count += 1
        execution.redrive_date = datetime.now(UTC)
        execution.exec_status, execution.stop_date = ExecutionStatus.RUNNING, None
        execution.output = execution.error = execution.cause = None
        worker = execution._get_start_execution_worker()
        execution.exec_worker = worker
        execution.progress.resume()
        worker.env = worker._get_evaluation_environment()
        worker.env.event_manager = history
        last = history.get_event_history()[-1]["id"]
        worker.env.event_history_context = EventHistoryContext(previous_event_id=last)
    status_events.announce(execution, ExecutionStatus.RUNNING)


def _environment_with_progress(self: Any) -> Any:
    env = executor.documented_environment(self)
    execution = self._execution_communication.execution
    if execution.progress is None:
        execution.progress = Part()
    env.part = execution.progress
    context = env.states.context_object.context_object_data["Execution"]
    context["RedriveCount"] = execution.redrive_count
    if execution.redrive_date is not None:
        context["RedriveTime"] = executor.timestamp(execution.redrive_date)
    return env


def _start_or_continue(self: Any) -> None:
    if self.env is None:
        _work(self)
        return
    count = self._execution_communication.execution.redrive_count
    self.env.event_manager.add_event(
        context=self.env.event_history_context,
        event_type=HistoryEventType.ExecutionRedriven,
        event_details={"executionRedrivenEventDetails": {"redriveCount": count}},
    )
    self._get_evaluation_entrypoint().eval(self.env)
    self._execution_communication.terminated()
