"""GetExecutionHistory: the events of an execution, the newest first, with AWS's own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from approvals.arns import Place
from approvals.gateways import aws
from approvals.gateways.errors import Answer, accepted, classify

EVENTS_A_PAGE = 1_000  # API reference, GetExecutionHistory: maxResults


@dataclass(frozen=True)
class Event:
    """One event; `previous` leads to the event that it follows, which need not be the one before it."""

    number: int
    previous: int
    kind: str
    at: datetime
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Up to 1,000 events, and the cursor of the page of older ones, if there is one."""

    events: list[Event]
    older: str | None


def read(
    place: Place, arn: str, cursor: str | None = None, *, with_data: bool = True
) -> tuple[Answer, Page | None]:
    """A page of GetExecutionHistory, newest events first; None beside an answer why it cannot be read.

    AWS keeps a history for 90 days after its execution's end, and promises no consistency: an event
    that is missing proves nothing.
    """
    more: Any = {"nextToken": cursor} if cursor else {}
    try:
        response = aws.stepfunctions(place).get_execution_history(
            executionArn=arn,
            maxResults=EVENTS_A_PAGE,
            reverseOrder=True,
            includeExecutionData=with_data,
            **more,
        )
    except (BotoCoreError, ClientError) as error:
        return classify(error), None
    events = [_event(raw) for raw in response["events"]]
    return accepted(response), Page(events, response.get("nextToken"))


def _event(raw: Mapping[str, Any]) -> Event:
    found = (raw[name] for name in raw if name.endswith("EventDetails"))
    details: Mapping[str, Any] = next(found, {})
    return Event(raw["id"], raw.get("previousEventId", 0), raw["type"], raw["timestamp"], details)
