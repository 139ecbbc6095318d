"""Lambda without Docker: a function is a Python handler of this repository, run in this process.

A function's `Handler`, such as `some.module.handler`, is imported if there is such a module;
otherwise the module's last part is looked for in `approvals.orchestration.lambdas`, and then the
function's own name there (`validate-order` is `validate_order`). Only the handler sees the
function's Environment variables in `os.environ`, as on AWS.
"""

from __future__ import annotations

import contextvars
import importlib
import importlib.util
import json
import os
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend

_HANDLERS = "approvals.orchestration.lambdas"
_variables: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "function variables", default=MappingProxyType({})
)


@dataclass(frozen=True)
class Context:
    """The second argument of a handler: the part of Lambda's context that the handlers here may use."""

    function_name: str
    invoked_function_arn: str
    timeout: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Return how much of the function's Timeout is left. The Timeout is not enforced here."""
        return max(0, int((self.started + self.timeout - time.monotonic()) * 1000))


class FunctionEnvironment(MutableMapping[str, str]):
    """`os.environ` of this process, with the variables of the function that is running on top."""

    def __init__(self, process: MutableMapping[str, str]) -> None:
        self._process = process

    def __getitem__(self, name: str) -> str:
        variables = _variables.get()
        return variables[name] if name in variables else self._process[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._process[name] = value

    def __delitem__(self, name: str) -> None:
        del self._process[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._process, **_variables.get()})

    def __len__(self) -> int:
        return len({**self._process, **_variables.get()})

    def copy(self) -> dict[str, str]:
        """Return a plain copy, as `os.environ.copy()` does."""
        return dict(self)


def install() -> None:
    """Make Invoke run the handlers instead of returning its input."""
    LambdaSimpleBackend.invoke = _invoke
    # Replaced on purpose: the environment of C code stays as it is.
    os.environ = FunctionEnvironment(os.environ)  # type: ignore[assignment]  # noqa: B003


def _invoke(
    self: Any, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any
) -> bytes:
    function = self.get_function(function_name, qualifier)
    context = Context(function.function_name, function.function_arn, float(function.timeout))
    variables = {str(name): str(value) for name, value in function.environment_vars.items()}
    scope = _variables.set(variables)
    try:
        handler = _handler(function.handler or "", function.function_name)
        return _marshal(handler(json.loads(body or b"{}"), context))
    except Exception as error:  # noqa: BLE001 - any exception is the function's response
        response_headers["x-amz-function-error"] = "Unhandled"
        return json.dumps(_failure(error, context)).encode()
    finally:
        _variables.reset(scope)


class _RuntimeError(Exception):
    """An error of Lambda's own runtime, with its error type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _handler(entry: str, name: str) -> Callable[[Any, Context], Any]:
    module, _, attribute = entry.rpartition(".")
    candidates = [
        module,
        f"{_HANDLERS}.{module.rpartition('.')[2]}",
        f"{_HANDLERS}.{name.replace('-', '_')}",
    ]
    for candidate in candidates:
        if _exists(candidate):
            found = getattr(importlib.import_module(candidate), attribute or "handler", None)
            if found is None:
                message = f"Handler '{attribute}' missing on module '{candidate}'"
                raise _RuntimeError("Runtime.HandlerNotFound", message)
            handler: Callable[[Any, Context], Any] = found
            return handler
    message = f"Unable to import module '{module}': none of {candidates} exists"
    raise _RuntimeError("Runtime.ImportModuleError", message)


def _exists(module: str) -> bool:
    try:
        return bool(module) and importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent does not exist
        return False


def _marshal(response: Any) -> bytes:
    try:
        return json.dumps(response).encode()
    except (TypeError, ValueError) as wrong:
        message = f"Unable to marshal response: {wrong}"
        raise _RuntimeError("Runtime.MarshalError", message) from wrong


def _failure(error: Exception, context: Context) -> dict[str, Any]:
    """Return the document that Step Functions puts into Cause; Catch compares its errorType."""
    if isinstance(error, _RuntimeError):
        return {"errorMessage": str(error), "errorType": error.kind}
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the one of this module
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": context.aws_request_id,
        "stackTrace": [_as_on_lambda(frame) for frame in frames],
    }


def _as_on_lambda(frame: traceback.FrameSummary) -> str:
    path = os.path.relpath(frame.filename)
    return f'  File "/var/task/{path}", line {frame.lineno}, in {frame.name}\n    {frame.line}\n'
