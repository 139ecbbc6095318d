"""Executions: how they are started, named, ended and stopped, as AWS documents it."""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws import (
    definition_checks,
    execution_history,
    executor,
    state_machine_versions,
    status_events,
)
from local.aws.length_limits import check_length

_MAX_INPUT = 262_144
_STOP_SECONDS = 2.0

_parse = StepFunctionsParserBackend._validate_definition
_create = StepFunctionsParserBackend.create_state_machine
_update = StepFunctionsParserBackend.update_state_machine
_run = Execution.start
_reflect = BaseExecutionWorkerCommunication._reflect_execution_status

_naming = threading.Lock()
ending = threading.Lock()  # held to end, reopen or describe an execution


def install() -> None:
    """Replace moto's behaviour."""
    StepFunctionsParserBackend._validate_definition = staticmethod(_validate_definition)
    StepFunctionsParserBackend.create_state_machine = _create_state_machine
    StepFunctionsParserBackend.update_state_machine = _update_state_machine
    StepFunctionsParserBackend.start_execution = _start_execution
    Execution.version_arn = Execution.alias_arn = None
    Execution.start = _start_and_announce
    BaseExecutionWorkerCommunication.terminated = _end_and_announce
    StepFunctionResponse.stop_execution = _stop_execution
    StepFunctionResponse.get_execution_history = execution_history.get_execution_history


def _create_state_machine(self: Any, name: str, definition: str, **named: Any) -> Any:
    _check_definition(definition, named.get("sm_type") or "STANDARD")
    made = _create(self, name=name, definition=definition, **named)
    if made.definition != definition:  # moto returns the existing one even if it differs
        message = f"State Machine Already Exists: '{made.arn}'"
        raise AWSError(message, "StateMachineAlreadyExists")
    return made


def _update_state_machine(self: Any, arn: str, definition: str | None = None, **named: Any) -> Any:
    if definition is not None:
        _check_definition(definition, self.describe_state_machine(arn).type or "STANDARD")
    return _update(self, arn, definition=definition, **named)


def _validate_definition(definition: str) -> None:
    try:
        _parse(definition)
    except AWSError as refused:  # moto does not set the error's code
        first_line = str(refused.description).partition("\n")[0][:500]
        message = f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {first_line}'"
        raise AWSError(message, "InvalidDefinition") from refused


def _check_definition(definition: str, kind: str) -> None:
    reason = definition_checks.refusal(definition, kind)
    if reason is not None:
        raise AWSError(f"Invalid State Machine Definition: '{reason}'", "InvalidDefinition")


def _start_execution(
    self: Any,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Any:
    check_length("input", execution_input, _MAX_INPUT, required=False)
    _check_input(execution_input)
    if name is not None:
        self._validate_name(name)
    wanted = state_machine_versions.target(self, state_machine_arn)
    name = name or str(uuid.uuid4())
    # The lock covers the look-up and the insertion: two requests may have the same name.
    with _naming:
        known = wanted.machine._handle_name_input_idempotency(name, execution_input)
        if known is not None:
            return known
        execution = _new_execution(self, wanted, name, execution_input or "{}", trace_header)
        wanted.machine.executions.append(execution)
        execution.start()
    return execution


def _new_execution(
    backend: Any,
    wanted: state_machine_versions.Target,
    name: str,
    text: str,
    trace_header: str | None,
) -> Any:
    execution = Execution(
        name=name,
        sm_type=wanted.machine.type,
        role_arn=wanted.revision.roleArn,
        exec_arn=f"{wanted.machine.arn.replace(':stateMachine:', ':execution:')}:{name}",
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=wanted.revision,
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=None,
        activity_store={},
        input_data=text,
        trace_header=trace_header,
    )
    execution.version_arn, execution.alias_arn = wanted.version_arn, wanted.alias_arn
    return execution


def _check_input(text: str | None) -> None:
    try:
        json.loads(text or "{}")
    except ValueError as wrong:
        message = f"Invalid State Machine Execution Input: '{wrong}'"
        raise AWSError(message, "InvalidExecutionInput") from wrong


def _start_and_announce(self: Any) -> None:
    status_events.announce(self, ExecutionStatus.RUNNING)
    _run(self)


def _end_and_announce(self: Any) -> None:
    """End the execution when moto's worker reports it, unless a forced stop or a redrive was first."""
    execution = self.execution
    with ending:
        stale = self is not execution.exec_worker._execution_communication  # stopped and redriven
        if stale or execution.stop_date is not None:
            return
        _reflect(self)
        if execution.exec_status == ExecutionStatus.ABORTED:
            state = execution.exec_worker.env.program_state()
            execution.error, execution.cause = state.error, state.cause
        if execution.exec_status == ExecutionStatus.SUCCEEDED:
            # moto gives a string result without its quotes.
            execution.output = to_json_str(execution.output, separators=(",", ":"))
    executor.forget_threads()
    status_events.announce(execution, execution.exec_status)


def _stop_execution(self: Any) -> Any:
    error, cause = self._get_param("error"), self._get_param("cause")
    check_length("error", error, 256, required=False)
    check_length("cause", cause, 32_768, required=False)
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    stop_all([execution], error=error, cause=cause)
    return ActionResult({"stopDate": execution.stop_date})


def stop_all(running: list[Any], *, error: str | None, cause: str | None) -> None:
    """Abort these executions; those that have ended stay as they are."""
    deadline = time.monotonic() + _STOP_SECONDS
    while (left := _not_ended(running)) and time.monotonic() < deadline:
        for execution in left:
            env = execution.exec_worker and execution.exec_worker.env
            if env is not None and env.is_running():  # before that, moto would ignore the stop
                execution.stop(stop_date=datetime.now(UTC), error=error, cause=cause)
        time.sleep(0.005)
    for execution in left:
        _force_end(execution, error, cause)


def _not_ended(running: list[Any]) -> list[Any]:
    return [execution for execution in running if execution.stop_date is None]


def _force_end(execution: Any, error: str | None, cause: str | None) -> None:
    """End the execution although it runs something that cannot be interrupted."""
    with ending:
        if execution.stop_date is not None:
            return
        execution.exec_status = ExecutionStatus.ABORTED
        execution.stop_date = datetime.now(UTC)
        execution.error, execution.cause = error, cause
    status_events.announce(execution, ExecutionStatus.ABORTED)
