"""GetExecutionHistory with pages, reverse order and includeExecutionData."""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult

_DATA = ("input", "output", "inputDetails", "outputDetails")


def get_execution_history(response: Any) -> Any:
    """Answer GetExecutionHistory; the token of the next page is the id of the last event shown."""
    arn = response._get_param("executionArn")
    events = response.stepfunction_backend.get_execution_history(arn)["events"]
    backwards = bool(response._get_param("reverseOrder"))
    most = int(response._get_param("maxResults") or 100) or 100
    wanted = _after(response._get_param("nextToken"), events, backwards=backwards)
    page = wanted[: min(most, 1000)]
    if response._get_param("includeExecutionData") is False:
        page = [_without_data(event) for event in page]
    more = {"nextToken": str(page[-1]["id"])} if len(wanted) > len(page) else {}
    return ActionResult({"events": page, **more})


def _after(token: str | None, events: list[Any], *, backwards: bool) -> list[Any]:
    if token is not None and not token.isdigit():
        raise AWSError("Invalid Token: 'Invalid token'", "InvalidToken")
    seen = None if token is None else int(token)
    if backwards:
        return [event for event in reversed(events) if seen is None or event["id"] < seen]
    return [event for event in events if seen is None or event["id"] > seen]


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {name: part for name, part in value.items() if name not in _DATA}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }
