"""DescribeExecution and ListExecutions, with the fields that AWS documents."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.local.aws.workflows import PASS, Clients, MakeWorkflow, Workflow, review


@dataclass
class TimedOut:
    """An execution that ran out of its time while a task waited for this token."""

    flow: Workflow
    arn: str
    token: str


@pytest.fixture(scope="module")
def timed_out(clients: Clients) -> TimedOut:
    """One for this module, because each takes a second."""
    flow = Workflow.create(clients, {"Review": review()}, "STANDARD", {"TimeoutSeconds": 1})
    arn, token = flow.waiting()
    flow.end(arn)
    return TimedOut(flow, arn, token)


def test_the_timeout_of_the_whole_workflow_closes_the_token(timed_out: TimedOut) -> None:
    end = timed_out.flow.description(timed_out.arn)

    assert end["status"] == "TIMED_OUT"
    assert end["stopDate"] >= end["startDate"]
    assert not {"error", "cause", "output"} & end.keys()
    assert timed_out.flow.succeed(timed_out.token) == "TaskTimedOut"


def test_the_list_of_executions_says_when_each_stopped(
    timed_out: TimedOut, clients: Clients
) -> None:
    listed = clients("stepfunctions").list_executions(stateMachineArn=timed_out.flow.arn)

    (item,) = listed["executions"]
    assert item["status"] == "TIMED_OUT"
    assert item["stopDate"] >= item["startDate"]


def test_a_running_execution_has_neither_an_end_nor_an_output(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()})
    arn, _ = flow.waiting()

    described = flow.description(arn)

    assert described["status"] == "RUNNING"
    assert not {"stopDate", "output", "outputDetails", "error", "cause"} & described.keys()


def test_the_list_can_be_of_one_status(workflow: MakeWorkflow, clients: Clients) -> None:
    flow = workflow({"Pass": PASS})
    arn = flow.start()
    flow.end(arn)
    listed = clients("stepfunctions").list_executions

    succeeded = listed(stateMachineArn=flow.arn, statusFilter="SUCCEEDED")["executions"]

    assert [each["executionArn"] for each in succeeded] == [arn]
    assert listed(stateMachineArn=flow.arn, statusFilter="FAILED")["executions"] == []
