"""The operations of Step Functions: their rules on arguments, and what they do to executions."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from tests.fake_aws.errors import AwsError, missing, too_long, too_short
from tests.fake_aws.executions import Executions
from tests.fake_aws.records import Execution, Machine, Task
from tests.fake_aws.status import redrive_status
from tests.fake_aws.world import Call

Answer = dict[str, Any]

MAX_TOKEN, MAX_ERROR, MAX_CAUSE, MAX_NAME = 2_048, 256, 32_768, 80  # characters
MAX_DATA = 262_144  # bytes of UTF-8
KEPT = 90 * 86_400  # seconds: the history and the name of a closed execution
REDRIVES_KEPT, REDRIVE_KEPT_FOR = (
    10,
    900,
)  # client tokens, and seconds (API reference, RedriveExecution)
_BAD_IN_NAME = re.compile(
    r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]'
)
_DATA = ("input", "output", "inputDetails", "outputDetails")


class StepFunctions:
    """Each operation takes a call and returns the answer's members, or raises AwsError."""

    def __init__(self, executions: Executions) -> None:
        self.executions, self.world = executions, executions.world
        self.operations: dict[str, Callable[[Call], Answer]] = {
            "StartExecution": self._start,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "StopExecution": self._stop,
            "RedriveExecution": self._redrive,
            "DescribeStateMachineForExecution": self._definition,
            "SendTaskSuccess": self._success,
            "SendTaskFailure": self._failure,
            "SendTaskHeartbeat": self._heartbeat,
        }

    def task_of(self, call: Call) -> Task:
        """The open or closed task of a call's token; a token is only known in its own region.

        Raises AwsError.
        """
        token = call.arguments.get("taskToken")
        _check_length("taskToken", token, MAX_TOKEN, least=1)
        task = self.executions.tokens.get(str(token))
        if task is None or task.execution.machine.region != call.region:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        return task

    def _open(self, call: Call) -> Task:
        task = self.task_of(call)
        if task.outcome:
            message = "Task Timed Out: 'Provided task does not exist anymore'"
            raise AwsError("TaskTimedOut", message)
        return task

    def _success(self, call: Call) -> Answer:
        output = call.arguments.get("output")
        if output is None:
            raise missing("output")
        if len(output.encode("utf-8", "surrogatepass")) > MAX_DATA:
            raise too_long("output", MAX_DATA)
        _check_length("taskToken", call.arguments.get("taskToken"), MAX_TOKEN, least=1)
        if not _is_json(output):
            raise AwsError("InvalidOutput", "Invalid Output: 'Could not parse output as JSON'")
        self.executions.answer(self._open(call), "call", call.digest, output=output)
        return {}

    def _failure(self, call: Call) -> Answer:
        error, cause = call.arguments.get("error"), call.arguments.get("cause")
        _check_length("error", error, MAX_ERROR)
        _check_length("cause", cause, MAX_CAUSE)
        self.executions.answer(self._open(call), "call", call.digest, error=error, cause=cause)
        return {}

    def _heartbeat(self, call: Call) -> Answer:
        self.executions.beat(self._open(call))
        return {}

    def _start(self, call: Call) -> Answer:
        machine = self._machine(call)
        text = call.arguments.get("input", "{}")
        name = call.arguments.get("name") or self.world.uuid_for("name", call.request_id)
        _check_length("name", name, MAX_NAME, least=1)
        if _BAD_IN_NAME.search(name):
            raise AwsError("InvalidName", f"Invalid Name: '{name}'")
        if len(text.encode("utf-8", "surrogatepass")) > MAX_DATA:
            raise too_long("input", MAX_DATA)
        if not _is_json(text):
            message = "Invalid State Machine Execution Input: 'Could not parse input as JSON'"
            raise AwsError("InvalidExecutionInput", message)
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        execution = self._kept(arn)
        if execution is None:
            execution = self.executions.start(machine, name, text)
        elif execution.status != "RUNNING" or execution.input != text:
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        return {"executionArn": execution.arn, "startDate": execution.started_at}

    def _describe(self, call: Call) -> Answer:
        execution = self._execution(call)
        status, reason = redrive_status(execution, self.world)
        shown = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine.arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started_at,
            "stopDate": execution.stopped_at,
            "input": execution.input,
            "inputDetails": {"included": True},
            "output": execution.output,
            "outputDetails": None if execution.output is None else {"included": True},
            "error": execution.error,
            "cause": execution.cause,
            "redriveCount": execution.redrive_count,
            "redriveDate": execution.redriven_at,
            "redriveStatus": status,
            "redriveStatusReason": reason,
        }
        if call.arguments.get("includedData") == "METADATA_ONLY":
            for key in (*_DATA, "error", "cause"):
                shown.pop(key, None)
        return {key: value for key, value in shown.items() if value is not None}

    def _list(self, call: Call) -> Answer:
        machine, asked = self._machine(call), call.arguments
        wanted = asked.get("statusFilter")
        mine = [
            execution
            for execution in reversed(self.executions.by_arn.values())
            if execution.machine is machine and wanted in {None, execution.status}
        ]
        most = _page_size(asked)
        about = [machine.arn, wanted]
        start = _place_in(asked.get("nextToken"), about)
        page = mine[start : start + most]
        more = {"nextToken": _token_for(start + most, about)} if len(mine) > start + most else {}
        return {"executions": [_listed(execution) for execution in page], **more}

    def _history(self, call: Call) -> Answer:
        execution, asked = self._execution(call), call.arguments
        if execution.hidden:
            who = "arn:aws:sts::123456789012:assumed-role/countersign/test"
            what = "is not authorized to perform: states:GetExecutionHistory on resource"
            raise AwsError("AccessDeniedException", f"User: {who} {what}: {execution.arn}")
        most, backwards = _page_size(asked), bool(asked.get("reverseOrder"))
        about = [execution.arn, backwards]
        seen = _place_in(asked.get("nextToken"), about)
        events = self._visible(execution, first_page=not seen)
        # A place is the id of the last event shown: a history that grows moves nothing.
        ordered = events[::-1] if backwards else events
        passed = (event["id"] < seen if backwards else event["id"] > seen for event in ordered)
        rest = [event for event, wanted in zip(ordered, passed, strict=True) if wanted or not seen]
        page = rest[:most]
        more = {"nextToken": _token_for(page[-1]["id"], about)} if len(rest) > most else {}
        if asked.get("includeExecutionData") is False:
            page = [_without_data(event) for event in page]
        return {"events": page, **more}

    def _visible(self, execution: Execution, *, first_page: bool) -> list[dict[str, Any]]:
        now = self.world.now()
        count = next(
            (
                place
                for place, (reads, at) in enumerate(execution.shown)
                if execution.reads < reads or now < at
            ),
            len(execution.events),
        )
        execution.reads += first_page
        return execution.events[:count]

    def _stop(self, call: Call) -> Answer:
        execution = self._execution(call)
        error, cause = call.arguments.get("error"), call.arguments.get("cause")
        _check_length("error", error, MAX_ERROR)
        _check_length("cause", cause, MAX_CAUSE)
        if execution.status == "RUNNING":
            self.executions.abort(execution, error, cause)
        return {"stopDate": execution.stopped_at}

    def _redrive(self, call: Call) -> Answer:
        execution, client_token = self._execution(call), call.arguments.get("clientToken")
        if client_token is not None:
            _check_length("clientToken", client_token, 64, least=1)
        now = self.world.now()
        kept = list(execution.redrive_tokens.items())[-REDRIVES_KEPT:]
        known = {token: date for token, date in kept if now - date <= REDRIVE_KEPT_FOR}
        if client_token in known:
            return {"redriveDate": known[client_token]}
        status, reason = redrive_status(execution, self.world)
        if status != "REDRIVABLE":
            raise AwsError("ExecutionNotRedrivable", f"Execution is not redrivable: '{reason}'")
        date = self.executions.redrive(execution)
        if client_token:
            execution.redrive_tokens.pop(client_token, None)
            execution.redrive_tokens[client_token] = date
        return {"redriveDate": date}

    def _definition(self, call: Call) -> Answer:
        execution = self._execution(call)
        machine = execution.machine
        shown = {
            "stateMachineArn": machine.arn,
            "name": machine.arn.rpartition(":")[2],
            "definition": json.dumps(machine.definition),
            "roleArn": "arn:aws:iam::123456789012:role/fake",
            "updateDate": execution.started_at,
        }
        return shown | ({"revisionId": machine.revision} if machine.revision else {})

    def _machine(self, call: Call) -> Machine:
        arn = call.arguments.get("stateMachineArn", "")
        _check_arn(arn, "stateMachine", call.region)
        machine = self.executions.machines.get(arn)
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def _execution(self, call: Call) -> Execution:
        arn = call.arguments.get("executionArn", "")
        _check_arn(arn, "execution", call.region)
        execution = self._kept(arn)
        if execution is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution

    def _kept(self, arn: str) -> Execution | None:
        """The execution of an ARN, unless it was closed so long ago that AWS has forgotten it."""
        execution = self.executions.by_arn.get(arn)
        if execution and self.world.now() - (execution.stopped_at or self.world.now()) > KEPT:
            self.executions.forget(execution)
            return None
        return execution


def _check_length(name: str, value: str | None, most: int, *, least: int = 0) -> None:
    if value is None and least:
        raise missing(name)
    if len(value or "") > most:
        raise too_long(name, most)
    if len(value or "") < least:
        raise too_short(name)


def _check_arn(arn: str, kind: str, region: str) -> None:
    parts = arn.split(":")
    if len(parts) < 7 or parts[:3] != ["arn", "aws", "states"] or parts[5] != kind:
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
    if parts[3] != region:
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid Region in ARN: {arn}'")


def _is_json(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)  # NaN and Infinity are no JSON for AWS
    except (ValueError, RecursionError):
        return False
    return True


def _page_size(asked: dict[str, Any]) -> int:
    most = asked.get("maxResults") or 100
    if not 0 <= most <= 1000:
        message = "Value at 'maxResults' failed to satisfy constraint: "
        raise AwsError(
            "ValidationException", f"{message}Member must have value less than or equal to 1000"
        )
    return int(most)


def _token_for(place: int, about: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([place, about]).encode()).decode()


def _place_in(token: str | None, about: list[Any]) -> int:
    """Where a page begins. Raises AwsError for a token that is not of this very question."""
    if token is None:
        return 0
    try:
        place, of = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        place, of = 0, None
    if of != about:
        raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
    return int(place)


def _listed(execution: Execution) -> Answer:
    shown = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started_at,
        "stopDate": execution.stopped_at,
        "redriveCount": execution.redrive_count,
        "redriveDate": execution.redriven_at,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {name: part for name, part in value.items() if name not in _DATA}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }
