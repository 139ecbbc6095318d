"""DescribeMapRun, ListMapRuns, UpdateMapRun, and the executions of a Map Run."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.maps import (
    FAIL_TWO,
    distributed,
    map_run,
    run,
)
from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    review,
)


def test_the_children_of_a_map_run_are_listed_with_their_status(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow(distributed(FAIL_TWO, kind="STANDARD", ToleratedFailureCount=1))
    arn = map_run(clients, run(flow)["executionArn"])["mapRunArn"]
    sfn = clients("stepfunctions")

    (failed,) = sfn.list_executions(mapRunArn=arn, statusFilter="FAILED")["executions"]
    pages = sfn.get_paginator("list_executions").paginate(
        mapRunArn=arn, PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["executions"]) for page in pages]

    assert (failed["mapRunArn"], failed["itemCount"]) == (arn, 1)
    assert sizes == [2, 1]
    with pytest.raises(ClientError, match="ValidationException"):
        sfn.list_executions(mapRunArn=arn, stateMachineArn=flow.arn)


def test_a_running_map_run_can_be_given_more_concurrency(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow(distributed({"Review": review()}, kind="STANDARD", MaxConcurrency=1))
    arn = flow.start(input="[1, 2]")
    first = flow.token()
    described = map_run(clients, arn)

    clients("stepfunctions").update_map_run(mapRunArn=described["mapRunArn"], maxConcurrency=2)

    for token in (flow.token(), first):
        flow.succeed(token)
    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_an_express_child_has_no_history_to_ask_for(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    """API reference, GetExecutionHistory: not supported by EXPRESS state machines."""
    flow = workflow(distributed())
    arn = map_run(clients, run(flow)["executionArn"])["mapRunArn"]
    (child, *_) = clients("stepfunctions").list_executions(mapRunArn=arn)["executions"]

    with pytest.raises(ClientError, match="InvalidArn"):
        flow.events(child["executionArn"])
