"""Corrections to moto's workflow executor: its context object, and its boto3 clients."""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import boto3
from moto.stepfunctions.parser import utils
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

_open_frame = Environment.open_frame
_open_inner_frame = Environment.open_inner_frame
_environment = ExecutionWorker._get_evaluation_environment
_state_data = state.StateData


def install() -> None:
    """Replace the parts that differ."""
    Environment.open_frame = _frame_with_map_item(_open_frame)
    Environment.open_inner_frame = _frame_with_map_item(_open_inner_frame)
    ExecutionWorker._get_evaluation_environment = documented_environment
    state.StateData = _documented_state_data
    boto_client.boto3 = _SharedClients()


def forget_threads() -> None:
    """Free the threads that moto has started: it keeps a list of all, which it never reads."""
    utils.TMP_THREADS.clear()


def timestamp(moment: datetime) -> str:
    """Return `moment` as in the context object of AWS: UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _frame_with_map_item(original: Any) -> Any:
    """Wrap a method that opens a frame so that it keeps `$$.Map.Item`, which moto drops."""

    def open_frame(self: Any, *arguments: Any, **named: Any) -> Any:
        frame = original(self, *arguments, **named)
        context = self.states.context_object.context_object_data
        if "Map" in context:
            frame.states.context_object.context_object_data["Map"] = context["Map"]
        return frame

    return open_frame


def documented_environment(self: Any) -> Any:
    """Return the environment of a worker's execution, with times in the format of AWS."""
    environment = _environment(self)
    execution = environment.states.context_object.context_object_data["Execution"]
    execution["StartTime"] = timestamp(execution["StartTime"])
    return environment


def _documented_state_data(**fields: Any) -> Any:
    entered = datetime.fromisoformat(fields["EnteredTime"])
    return _state_data(**(fields | {"EnteredTime": timestamp(entered)}))


class _SharedClients:
    """Replaces boto3 for the executor: one client per service and region.

    moto makes a new client for each call of an integration. That is slow, and it does so in several
    threads at once, which boto3's default session does not allow.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, *, service_name: str, region_name: str, **options: Any) -> Any:
        with self._lock:
            key = (service_name, region_name)
            if key not in self._clients:
                self._clients[key] = self._session.client(  # type: ignore[call-overload]
                    service_name=service_name, region_name=region_name, **options
                )
            return self._clients[key]
