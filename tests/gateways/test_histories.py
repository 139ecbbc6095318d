"""GetExecutionHistory: pages of events, the newest first, with the details of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from approvals.arns import Place
from approvals.gateways import histories
from approvals.gateways.errors import Proof
from approvals.gateways.histories import Event

PLACE = Place("eu-west-3")
ARN = "arn:aws:states:eu-west-3:123456789012:execution:orders:order-7"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FAILED = {"resourceType": "sqs", "resource": "sendMessage", "error": "States.Timeout"}


def asked(**more: Any) -> dict[str, Any]:
    """The parameters of a call."""
    plain = {"executionArn": ARN, "maxResults": 1_000, "reverseOrder": True}
    return plain | {"includeExecutionData": True} | more


def test_a_page_has_its_events_with_their_details_and_the_cursor_of_older_ones(
    stub: Stubber,
) -> None:
    events = [
        {"id": 9, "previousEventId": 7, "type": "TaskFailed", "timestamp": AT}
        | {"taskFailedEventDetails": FAILED},
        {"id": 1, "type": "ExecutionStarted", "timestamp": AT},
    ]
    stub.add_response("get_execution_history", {"events": events, "nextToken": "older"}, asked())

    answer, page = histories.read(PLACE, ARN)

    assert answer.proof == Proof.ACCEPTED
    assert page is not None
    assert page.events == [
        Event(9, 7, "TaskFailed", AT, FAILED),
        Event(1, 0, "ExecutionStarted", AT, {}),
    ]
    assert page.older == "older"


def test_an_older_page_is_asked_for_by_its_cursor_and_without_data_if_none_is_needed(
    stub: Stubber,
) -> None:
    wanted = asked(nextToken="older", includeExecutionData=False)
    stub.add_response("get_execution_history", {"events": []}, wanted)

    _, page = histories.read(PLACE, ARN, "older", with_data=False)

    assert page is not None
    assert (page.events, page.older) == ([], None)


@pytest.mark.parametrize(
    ("code", "proof"),
    [("ExecutionDoesNotExist", Proof.REFUSED), ("AccessDeniedException", Proof.ACCESS_DENIED)],
)
def test_a_history_that_cannot_be_read_is_no_page_beside_the_reason(
    code: str, proof: Proof, stub: Stubber
) -> None:
    stub.add_client_error("get_execution_history", code)

    answer, page = histories.read(PLACE, ARN)

    assert (answer.proof, answer.code, page) == (proof, code, None)
