"""Versions and aliases of state machines in a template."""

from __future__ import annotations

from tests.local.aws.stacks import BUCKET, VERSIONS, Deploy, output
from tests.local.aws.workflows import Clients, refusal


def test_a_machine_starts_another_by_its_alias(versions: dict[str, str], clients: Clients) -> None:
    assert versions["VersionArn"] == f"{versions['ChildArn']}:1"
    assert versions["LiveArn"] == f"{versions['ChildArn']}:LIVE"
    assert output(clients, versions["ParentArn"]) == "hi"


def test_a_managed_policy_names_the_alias(versions: dict[str, str], clients: Clients) -> None:
    policy = clients("iam").get_policy_version(PolicyArn=versions["Policy"], VersionId="v1")

    document = policy["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Resource"] == versions["LiveArn"]


def test_an_updated_stack_publishes_and_moves_the_alias(deploy: Deploy, clients: Clients) -> None:
    """The template's text stays as it is: only the revision behind `!GetAtt` is another one."""
    made = deploy.versions("moving", greeting="hi")
    listed = clients("stepfunctions").list_state_machine_versions
    before = listed(stateMachineArn=made["ChildArn"])["stateMachineVersions"]

    deploy.update("moving", VERSIONS.read_text(), Greeting="hello", Bucket=BUCKET)

    after = listed(stateMachineArn=made["ChildArn"])["stateMachineVersions"]
    assert len(after) == len(before) + 1
    assert output(clients, made["LiveArn"]) == "hello"
    assert output(clients, made["VersionArn"]) == "hi"


def test_deleting_the_stack_deletes_alarm_alias_and_version(
    deploy: Deploy, clients: Clients
) -> None:
    made = deploy.versions("leaving", greeting="bye")
    alarm = made["Alarm"].rpartition(":")[2]
    alarms = clients("cloudwatch").describe_alarms
    assert len(alarms(AlarmNames=[alarm])["MetricAlarms"]) == 1

    deploy.delete("leaving")

    describe = clients("stepfunctions").describe_state_machine
    for arn in (made["ChildArn"], made["VersionArn"], made["LiveArn"]):
        assert refusal(describe, stateMachineArn=arn) == "StateMachineDoesNotExist"
    assert alarms(AlarmNames=[alarm])["MetricAlarms"] == []
