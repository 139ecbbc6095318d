"""Lists in pages, whose tokens new items do not disturb."""

from __future__ import annotations

from tests.local.aws.workflows import (
    PASS,
    Clients,
    MakeWorkflow,
    refusal,
)


def test_executions_are_listed_newest_first_in_pages(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    """API reference, ListExecutions: a page's token stays good while newer executions start."""
    flow = workflow({"Pass": PASS})
    arns = [flow.start() for _ in range(3)]
    for arn in arns:
        flow.end(arn)
    listed = clients("stepfunctions").list_executions

    first = listed(stateMachineArn=flow.arn, maxResults=2)
    newer = flow.start()
    second = listed(stateMachineArn=flow.arn, maxResults=2, nextToken=first["nextToken"])
    flow.end(newer)

    pages = [[each["executionArn"] for each in page["executions"]] for page in (first, second)]
    assert pages == [[arns[2], arns[1]], [arns[0]]]
    assert "nextToken" not in second
    assert refusal(listed, stateMachineArn=flow.arn, nextToken="nonsense") == "InvalidToken"
