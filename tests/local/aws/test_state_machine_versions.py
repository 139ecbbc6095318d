"""Versions and aliases of state machines, against the API reference of Step Functions.

PublishStateMachineVersion, ListStateMachineVersions, the calls about aliases, StartExecution and
DescribeExecution; developer guide, "Managing continuous deployments with versions and aliases".
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    Workflow,
    review,
)

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import RoutingConfigurationListItemTypeDef


def passing(result: str) -> dict[str, Any]:
    """The states of a workflow that returns `result`."""
    return {"Pass": {"Type": "Pass", "Result": result, "End": True}}


@pytest.fixture
def sfn(clients: Clients) -> SFNClient:
    """The client of Step Functions."""
    client: SFNClient = clients("stepfunctions")
    return client


@pytest.fixture
def flow(workflow: MakeWorkflow) -> Workflow:
    """A workflow that returns "one"."""
    return workflow(passing("one"))


def change(sfn: SFNClient, flow: Workflow, result: str, **more: Any) -> dict[str, Any]:
    """Let the workflow return `result`; returns the response of UpdateStateMachine."""
    definition = json.dumps({"StartAt": "Pass", "States": passing(result)})
    return dict(sfn.update_state_machine(stateMachineArn=flow.arn, definition=definition, **more))


def change_and_publish(sfn: SFNClient, flow: Workflow, result: str) -> str:
    """Let the workflow return `result`, and publish that; returns the version's ARN."""
    return str(change(sfn, flow, result, publish=True)["stateMachineVersionArn"])


def publish(sfn: SFNClient, flow: Workflow, **more: str) -> str:
    """Publish the current revision; returns the version's ARN."""
    made = sfn.publish_state_machine_version(stateMachineArn=flow.arn, **more)
    return str(made["stateMachineVersionArn"])


def start(sfn: SFNClient, flow: Workflow, arn: str) -> dict[str, Any]:
    """Run a machine, a version or an alias; returns the response of DescribeExecution."""
    started = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    return flow.end(started)


def alias(sfn: SFNClient, *routes: tuple[str, int], name: str = "") -> str:
    """Create an alias of (version, weight) routes; returns its ARN."""
    routing: list[RoutingConfigurationListItemTypeDef] = [
        {"stateMachineVersionArn": arn, "weight": weight} for arn, weight in routes
    ]
    made = sfn.create_state_machine_alias(
        name=name or f"a-{uuid.uuid4()}", routingConfiguration=routing
    )
    return str(made["stateMachineAliasArn"])


def test_a_version_is_a_snapshot_that_later_changes_do_not_reach(
    sfn: SFNClient, flow: Workflow
) -> None:
    first = publish(sfn, flow, description="the first")
    change(sfn, flow, "two")

    assert first == f"{flow.arn}:1"
    assert start(sfn, flow, first)["output"] == '"one"'
    assert start(sfn, flow, flow.arn)["output"] == '"two"'
    described = sfn.describe_state_machine(stateMachineArn=first)
    assert described["stateMachineArn"] == first
    assert described["description"] == "the first"
    assert json.loads(described["definition"])["States"]["Pass"]["Result"] == "one"


def test_publishing_a_revision_twice_makes_one_version(sfn: SFNClient, flow: Workflow) -> None:
    assert publish(sfn, flow) == publish(sfn, flow)
    change(sfn, flow, "two")

    assert publish(sfn, flow) == f"{flow.arn}:2"


def test_versions_are_listed_newest_first_in_pages(sfn: SFNClient, flow: Workflow) -> None:
    publish(sfn, flow)
    for result in ("two", "three"):
        change(sfn, flow, result, publish=True)
    given: dict[str, Any] = {"stateMachineArn": flow.arn, "maxResults": 2}

    first = sfn.list_state_machine_versions(**given)
    second = sfn.list_state_machine_versions(**given, nextToken=first["nextToken"])

    pages = [
        [each["stateMachineVersionArn"] for each in page["stateMachineVersions"]]
        for page in (first, second)
    ]
    assert pages == [[f"{flow.arn}:3", f"{flow.arn}:2"], [f"{flow.arn}:1"]]
    assert "nextToken" not in second


def test_only_the_revision_that_was_looked_at_is_published(sfn: SFNClient, flow: Workflow) -> None:
    revision = change(sfn, flow, "two")["revisionId"]
    assert sfn.describe_state_machine(stateMachineArn=flow.arn)["revisionId"] == revision

    with pytest.raises(ClientError, match="ConflictException"):
        publish(sfn, flow, revisionId="INITIAL")

    assert publish(sfn, flow, revisionId=revision) == f"{flow.arn}:1"


def test_the_initial_revision_is_published_by_its_name(sfn: SFNClient, flow: Workflow) -> None:
    assert "revisionId" not in sfn.describe_state_machine(stateMachineArn=flow.arn)
    assert publish(sfn, flow, revisionId="INITIAL") == f"{flow.arn}:1"


def test_an_execution_tells_its_version_and_its_alias(sfn: SFNClient, flow: Workflow) -> None:
    version = publish(sfn, flow)
    live = alias(sfn, (version, 100))

    plain, by_version, by_alias = (start(sfn, flow, arn) for arn in (flow.arn, version, live))

    assert {plain["stateMachineArn"], by_alias["stateMachineArn"]} == {flow.arn}
    assert "stateMachineVersionArn" not in plain
    assert by_version["stateMachineVersionArn"] == version
    assert "stateMachineAliasArn" not in by_version
    assert by_alias["stateMachineVersionArn"] == version
    assert by_alias["stateMachineAliasArn"] == live


def test_executions_are_listed_by_machine_version_and_alias(sfn: SFNClient, flow: Workflow) -> None:
    version = publish(sfn, flow)
    live = alias(sfn, (version, 100))
    for arn in (flow.arn, version, live):
        start(sfn, flow, arn)

    listed = {
        arn: len(sfn.list_executions(stateMachineArn=arn)["executions"])
        for arn in (flow.arn, version, live)
    }

    assert list(listed.values()) == [3, 2, 1]


def test_an_alias_moves_to_another_version(sfn: SFNClient, flow: Workflow) -> None:
    first = publish(sfn, flow)
    live = alias(sfn, (first, 100), name="LIVE")
    second = change_and_publish(sfn, flow, "two")

    assert start(sfn, flow, live)["output"] == '"one"'
    sfn.update_state_machine_alias(
        stateMachineAliasArn=live,
        routingConfiguration=[{"stateMachineVersionArn": second, "weight": 100}],
    )

    assert start(sfn, flow, live)["output"] == '"two"'
    described = sfn.describe_state_machine_alias(stateMachineAliasArn=live)
    assert (described["name"], live) == ("LIVE", f"{flow.arn}:LIVE")
    assert described["routingConfiguration"] == [{"stateMachineVersionArn": second, "weight": 100}]
    by_version = sfn.list_state_machine_aliases(stateMachineArn=first)["stateMachineAliases"]
    everything = sfn.list_state_machine_aliases(stateMachineArn=flow.arn)["stateMachineAliases"]
    assert (by_version, [each["stateMachineAliasArn"] for each in everything]) == ([], [live])


def test_an_alias_splits_its_executions_by_weight(sfn: SFNClient, flow: Workflow) -> None:
    first = publish(sfn, flow)
    second = change_and_publish(sfn, flow, "two")
    live = alias(sfn, (first, 0), (second, 100))

    assert {start(sfn, flow, live)["output"] for _ in range(5)} == {'"two"'}


def test_an_alias_is_made_once_and_not_twice_differently(sfn: SFNClient, flow: Workflow) -> None:
    first = publish(sfn, flow)
    second = change_and_publish(sfn, flow, "two")

    assert alias(sfn, (first, 100), name="LIVE") == alias(sfn, (first, 100), name="LIVE")
    with pytest.raises(ClientError, match="ConflictException"):
        alias(sfn, (second, 100), name="LIVE")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        alias(sfn, (f"{flow.arn}:9", 100), name="NEXT")


def test_a_version_that_an_alias_needs_is_not_deleted(sfn: SFNClient, flow: Workflow) -> None:
    version = publish(sfn, flow)
    live = alias(sfn, (version, 100))

    with pytest.raises(ClientError, match="ConflictException"):
        sfn.delete_state_machine_version(stateMachineVersionArn=version)

    sfn.delete_state_machine_alias(stateMachineAliasArn=live)
    sfn.delete_state_machine_version(stateMachineVersionArn=version)
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        start(sfn, flow, version)


def test_a_waiting_execution_keeps_the_revision_it_was_started_with(
    sfn: SFNClient, workflow: MakeWorkflow
) -> None:
    told = {"Type": "Pass", "Result": "old", "End": True}
    flow = workflow({"Review": review(Next="Told"), "Told": told})
    version = publish(sfn, flow)
    live = alias(sfn, (version, 100))
    arns = [
        sfn.start_execution(stateMachineArn=arn)["executionArn"]
        for arn in (flow.arn, version, live)
    ]
    tokens = [flow.token() for _ in arns]
    changed = change_and_publish(sfn, flow, "new")
    sfn.update_state_machine_alias(
        stateMachineAliasArn=live,
        routingConfiguration=[{"stateMachineVersionArn": changed, "weight": 100}],
    )

    for token in tokens:
        flow.succeed(token)

    assert [flow.end(arn)["output"] for arn in arns] == ['"old"'] * 3
    assert start(sfn, flow, live)["output"] == '"new"'
    running = sfn.describe_state_machine_for_execution(executionArn=arns[0])
    assert "Review" in json.loads(running["definition"])["States"]


def test_a_redriven_execution_keeps_its_version_and_alias(
    sfn: SFNClient, workflow: MakeWorkflow
) -> None:
    flow = workflow({"Review": review()})
    version = publish(sfn, flow)
    live = alias(sfn, (version, 100))
    arn = sfn.start_execution(stateMachineArn=live)["executionArn"]
    flow.fail(flow.token(), error="ReviewRejected", cause="no")
    flow.end(arn)
    changed = change_and_publish(sfn, flow, "new")
    sfn.update_state_machine_alias(
        stateMachineAliasArn=live,
        routingConfiguration=[{"stateMachineVersionArn": changed, "weight": 100}],
    )

    sfn.redrive_execution(executionArn=arn)
    flow.succeed(flow.token(), '"approved"')

    end = flow.end(arn)
    assert (end["output"], end["stateMachineVersionArn"]) == ('"approved"', version)
    assert end["stateMachineAliasArn"] == live


def test_one_name_is_one_execution_under_every_qualifier(
    sfn: SFNClient, workflow: MakeWorkflow
) -> None:
    flow = workflow({"Review": review()})
    version = publish(sfn, flow)

    arns = {
        sfn.start_execution(stateMachineArn=arn, name="order-7", input="{}")["executionArn"]
        for arn in (flow.arn, version)
    }

    assert len(arns) == 1


def test_a_label_is_not_something_to_start(sfn: SFNClient, flow: Workflow) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        sfn.start_execution(stateMachineArn=f"{flow.arn}/orders")
