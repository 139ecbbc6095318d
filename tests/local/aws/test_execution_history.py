"""GetExecutionHistory: pages, reverse order, and histories without the data."""

from __future__ import annotations

import pytest

from tests.local.aws.workflows import PASS, Clients, MakeWorkflow, Workflow, refusal


@pytest.fixture
def flow(workflow: MakeWorkflow) -> Workflow:
    """A workflow whose executions have six events."""
    return workflow({"One": {"Type": "Pass", "Next": "Two"}, "Two": PASS})


@pytest.fixture
def arn(flow: Workflow) -> str:
    """An execution that has ended."""
    started = flow.start()
    flow.end(started)
    return started


def test_the_history_comes_in_pages_from_either_end(flow: Workflow, arn: str) -> None:
    forwards = [event["id"] for event in flow.events(arn, maxResults=4)]
    backwards = [event["id"] for event in flow.events(arn, maxResults=4, reverseOrder=True)]

    assert forwards == [1, 2, 3, 4, 5, 6]
    assert backwards == [6, 5, 4, 3, 2, 1]


def test_the_data_can_be_left_out(flow: Workflow, arn: str) -> None:
    assert "input" in flow.events(arn)[0]["executionStartedEventDetails"]

    without = flow.events(arn, includeExecutionData=False)

    assert "input" not in without[0]["executionStartedEventDetails"]


def test_a_token_of_no_page_is_refused(arn: str, clients: Clients) -> None:
    history = clients("stepfunctions").get_execution_history

    assert refusal(history, executionArn=arn, nextToken="nonsense") == "InvalidToken"
