"""The errors of a distributed Map, which Retry and Catch of its state can name."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)


def failure(env: Any, error: str, cause: str) -> FailureEventException:
    """Return the exception that fails the state with `error`, a name of the States.* family."""
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=StatesErrorNameType.from_name(error)),
            event_type=HistoryEventType.MapRunFailed,
            event_details={"mapRunFailedEventDetails": {"error": error, "cause": cause}},
        )
    )
