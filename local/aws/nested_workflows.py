"""Workflows that start workflows: `states:startExecution` and `aws-sdk:sfn:startExecution`.

The names of parameters and results start with a capital in a definition (`StateMachineArn`) and
with a small letter in the API. moto does not translate them, so its call fails. AWS translates both
ways, and turns an Input that is not a string into JSON text. The format of StartDate in a result is
not documented: here it is ISO 8601.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)

from local.aws import executor

_prepare = StateTaskServiceSfn._normalise_parameters
_SERVICES = {"sfn", "states"}


def install() -> None:
    """Make both integrations translate the names of parameters and results."""
    StateTaskServiceSfn._normalise_parameters = _optimized_parameters
    StateTaskServiceAwsSdk._normalise_parameters = _parameters
    for integration in (StateTaskServiceSfn, StateTaskServiceAwsSdk):
        integration._normalise_response = _response


def _optimized_parameters(self: Any, parameters: dict[str, Any], *rest: Any, **named: Any) -> None:
    _prepare(self, parameters, *rest, **named)  # an absent Input is the empty object here
    _parameters(self, parameters)


def _parameters(self: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    if self.resource.api_name in _SERVICES:
        self._to_boto_request(parameters, _operation(self.resource.api_action).input_shape)


def _response(
    self: Any,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    if self.resource.api_name not in _SERVICES:
        return
    action = service_action_name or self.resource.api_action
    self._from_boto_response(response, _operation(action).output_shape)
    for name, value in response.items():
        if isinstance(value, datetime):
            response[name] = executor.timestamp(value)


@cache
def _model() -> Any:
    return botocore.session.Session().get_service_model("stepfunctions")


@cache
def _operation(action: str) -> Any:
    """Return botocore's model of an operation, named like `startExecution` or `start_execution`."""
    wanted = action.replace("_", "").lower()
    names = {name.lower(): name for name in _model().operation_names}
    return _model().operation_model(names[wanted])
