"""Task tokens: each belongs to one attempt of one task, and is closed by the first call or event.

A token is closed by SendTaskSuccess, SendTaskFailure, its deadline, a missed heartbeat or the end of
its execution, under one lock per token. So the workflow sees the answer that got HTTP 200.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import EmptyResult
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackOutcomeTimedOut,
    HeartbeatTimedOut,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.states import ContextObject, TaskData
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws.length_limits import check_length
from local.aws.state_attempts import Aborted, abortable, attempt_frame, take_result

_MAX_TOKEN = 2048
_MAX_OUTPUT = 262_144
_MAX_ERROR = 256
_MAX_CAUSE = 32_768


class Token:
    """The token of one attempt of a task, open until it is answered, times out or is aborted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = True
        self._outcome: Any = None
        self._started = self._beaten = time.monotonic()

    def answer(self, outcome: Any) -> bool:
        """Close the token with `outcome`; False if it was closed before."""
        with self._changed:
            won, self._open = self._open, False
            if won:
                self._outcome = outcome
                self._changed.notify_all()
            return won

    def close(self) -> None:
        """Close the token without an outcome, because the task around it ended."""
        self.answer(None)

    def beat(self) -> bool:
        """Restart the heartbeat timeout; False if the token is closed."""
        with self._changed:
            self._beaten = time.monotonic()
            self._changed.notify_all()
            return self._open

    def wait(self, timeout: float, heartbeat: float | None) -> Any:
        """Return the outcome, or the error of the timeout that closed the token first.

        Raises `Aborted` when the token was closed without an outcome.
        """
        with self._changed:
            while self._open:
                now = time.monotonic()
                left = self._started + timeout - now
                beats_left = left if heartbeat is None else self._beaten + heartbeat - now
                if min(left, beats_left) <= 0:
                    self._open = False
                    return CallbackOutcomeTimedOut("") if left <= 0 else HeartbeatTimedOut()
                self._changed.wait(min(left, beats_left))
            if self._outcome is None:
                raise Aborted
            return self._outcome


_Place = tuple[str, str]  # account and region: a token is only valid in the ones of its execution
_issued: dict[tuple[_Place, str], Token] = {}

_evaluate = StateTaskServiceCallback._evaluate_with_timeout
_evaluate_state = StateTaskServiceCallback._eval_state
_wait = StateTaskServiceCallback._eval_wait_for_task_token


def install() -> None:
    """Replace moto's rules for task tokens."""
    ContextObject.update_task_token = _issue
    StateTaskServiceCallback._evaluate_with_timeout = _evaluate_attempt
    StateTaskServiceCallback._eval_state = abortable(
        _evaluate_state, HistoryEventType.TaskStateAborted
    )
    StateTaskServiceCallback._eval_wait_for_task_token = _wait_for_answer
    for ending in ("set_ended", "set_error", "set_stop", "set_timed_out"):
        setattr(Environment, ending, _closing_the_token(getattr(Environment, ending)))
    StepFunctionResponse.send_task_success = _send_task_success
    StepFunctionResponse.send_task_failure = _send_task_failure
    StepFunctionResponse.send_task_heartbeat = _send_task_heartbeat


def _issue(self: Any) -> str:
    # As long as the real ones, with +, / and = in them, so that tests find code that cannot take them.
    token = "AQCEAAAAKgAAAAMAAAAA" + base64.b64encode(secrets.token_bytes(512)).decode()
    self.context_object_data["Task"] = TaskData(Token=token)
    return token


def _waits_for_a_token(state: Any) -> bool:
    return bool(state.resource.condition == ResourceCondition.WaitForTaskToken)


def _evaluate_attempt(self: Any, env: Any) -> None:
    """Evaluate one attempt. The wait has its own timeouts, so no thread has to watch it."""
    if not _waits_for_a_token(self):
        _evaluate(self, env)
        return
    text = _token_of_attempt(env)
    details = env.aws_execution_details
    with attempt_frame(env) as frame:
        token = _issued[(details.account, details.region), text] = Token()
        frame.callback_token = token
        if not frame.is_running():  # ended between the two lines above: nothing else would close it
            token.close()
        try:
            self._eval_execution(frame)
            output = frame.stack.pop()
        finally:
            token.close()
    take_result(self, env, output)


def _token_of_attempt(env: Any) -> str:
    context = env.states.context_object
    details = env.aws_execution_details
    text: str = context.context_object_data["Task"]["Token"]
    if ((details.account, details.region), text) in _issued:  # Retry: a new attempt, a new token
        text = context.update_task_token()
        env.callback_pool_manager.add(text)
    return text


def _wait_for_answer(
    self: Any, env: Any, timeout_seconds: int, callback_endpoint: Any, heartbeat_endpoint: Any
) -> Any:
    token = getattr(env, "callback_token", None)
    if token is None:
        return _wait(self, env, timeout_seconds, callback_endpoint, heartbeat_endpoint)
    if self.timeout.is_default_value():  # moto takes 60 s if there is only a heartbeat
        timeout_seconds = TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS
    heartbeat = heartbeat_endpoint and heartbeat_endpoint._heartbeat_seconds
    return token.wait(timeout_seconds, heartbeat)


def _closing_the_token(original: Any) -> Any:
    """Wrap a method that ends the environment: by a stop, another branch's failure or a timeout."""

    def end(self: Any, *arguments: Any, **named: Any) -> Any:
        result = original(self, *arguments, **named)
        token = getattr(self, "callback_token", None)
        if token is not None:
            token.close()
        return result

    return end


def _send_task_success(self: Any) -> Any:
    text, output = self._get_param("taskToken"), self._get_param("output")
    check_length("taskToken", text, _MAX_TOKEN)
    check_length("output", output, _MAX_OUTPUT)
    _check_json(output)
    _answer(self, text, CallbackOutcomeSuccess(callback_id=text, output=output))
    return EmptyResult()


def _send_task_failure(self: Any) -> Any:
    text = self._get_param("taskToken")
    error, cause = self._get_param("error"), self._get_param("cause")
    check_length("taskToken", text, _MAX_TOKEN)
    check_length("error", error, _MAX_ERROR, required=False)
    check_length("cause", cause, _MAX_CAUSE, required=False)
    _answer(self, text, CallbackOutcomeFailure(callback_id=text, error=error, cause=cause))
    return EmptyResult()


def _send_task_heartbeat(self: Any) -> Any:
    text = self._get_param("taskToken")
    check_length("taskToken", text, _MAX_TOKEN)
    if not _find(self, text).beat():
        raise _timed_out()
    return EmptyResult()


def _answer(response: Any, text: str, outcome: Any) -> None:
    if not _find(response, text).answer(outcome):
        raise _timed_out()


def _find(response: Any, text: str) -> Token:
    token = _issued.get(((response.current_account, response.region), text))
    if token is None:
        raise AWSError("Invalid Token: 'Invalid token'", "InvalidToken")
    return token


def _timed_out() -> AWSError:
    message = "Task Timed Out: 'Provided task does not exist anymore'"
    return AWSError(message, "TaskTimedOut")


def _check_json(output: str) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(output, parse_constant=refuse)  # NaN and Infinity are not JSON for AWS
    except ValueError as wrong:
        message = "Invalid Output: 'Could not parse output as JSON'"
        raise AWSError(message, "InvalidOutput") from wrong
