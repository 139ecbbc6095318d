"""What a template needs beside queues and functions: versions, aliases, alarms, policies, buckets.

AWS CloudFormation's template reference of each type.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from local import aws as local_aws
from local.processes import LocalError
from tests.local.conftest import Clients

TEMPLATE = Path(__file__).parent / "batches.yaml"
CHILD = {
    "StartAt": "Greet",
    "States": {"Greet": {"Type": "Pass", "Result": "${Word}", "End": True}},
}
START = {
    "Type": "Task",
    "Resource": "arn:aws:states:::states:startExecution.sync:2",
    "Parameters": {"StateMachineArn": "${Child}", "Input": {}},
    "OutputPath": "$.Output",
    "End": True,
}
PARENT = {"StartAt": "Start", "States": {"Start": START}}
BUCKET = "definitions"


@pytest.fixture(scope="module")
def stack(aws: local_aws.Account, clients: Clients):
    clients("s3").create_bucket(Bucket=BUCKET)
    for name, definition in (("child", CHILD), ("parent", PARENT)):
        body = json.dumps(definition).encode()
        clients("s3").put_object(Bucket=BUCKET, Key=f"{name}.asl.json", Body=body)
    parameters = {"Greeting": "hi", "Bucket": BUCKET}
    return local_aws.deploy(aws.endpoint, aws.region, TEMPLATE, parameters, stack="batches")


def output(clients, arn):
    sfn = clients("stepfunctions")
    started = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    for _ in range(500):
        end = sfn.describe_execution(executionArn=started)
        if end["status"] != "RUNNING":
            return json.loads(end["output"])
        time.sleep(0.02)
    raise AssertionError(f"{started} is still running")


def test_a_machine_starts_another_by_its_alias(stack: Any, clients: Clients) -> None:
    assert stack["VersionArn"] == f"{stack['ChildArn']}:1"
    assert stack["LiveArn"] == f"{stack['ChildArn']}:LIVE"
    assert output(clients, stack["ParentArn"]) == "hi"


def test_a_bucket_keeps_versions_and_has_its_policy(stack: Any, clients: Clients) -> None:
    s3 = clients("s3")

    assert s3.get_bucket_versioning(Bucket=stack["Results"])["Status"] == "Enabled"
    policy = json.loads(s3.get_bucket_policy(Bucket=stack["Results"])["Policy"])
    assert policy["Statement"][0]["Effect"] == "Deny"


def test_an_alarm_is_there_as_the_template_says(stack: Any, clients: Clients) -> None:
    alarms = clients("cloudwatch").describe_alarms()["MetricAlarms"]

    (alarm,) = [each for each in alarms if each["AlarmArn"] == stack["Alarm"]]
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (900, "notBreaching")


def test_a_queue_has_its_policy_and_gets_the_status_events(stack: Any, clients: Clients) -> None:
    sqs = clients("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=stack["Events"], AttributeNames=["Policy"])
    assert "events.amazonaws.com" in attributes["Attributes"]["Policy"]

    output(clients, stack["LiveArn"])

    (message,) = sqs.receive_message(QueueUrl=stack["Events"], WaitTimeSeconds=5)["Messages"]
    detail = json.loads(message["Body"])["detail"]
    assert (detail["status"], detail["stateMachineArn"]) == ("SUCCEEDED", stack["ChildArn"])


def test_a_managed_policy_names_the_alias(stack: Any, clients: Clients) -> None:
    policy = clients("iam").get_policy_version(PolicyArn=stack["Policy"], VersionId="v1")

    document = policy["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Resource"] == stack["LiveArn"]


def test_an_updated_stack_publishes_and_moves_the_alias(stack: Any, clients: Clients) -> None:
    """The template's text stays as it is: only the revision behind `!GetAtt` is another one."""
    before = clients("stepfunctions").list_state_machine_versions(
        stateMachineArn=stack["ChildArn"]
    )["stateMachineVersions"]
    clients("cloudformation").update_stack(
        StackName="batches",
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[
            {"ParameterKey": "Greeting", "ParameterValue": "hello"},
            {"ParameterKey": "Bucket", "ParameterValue": BUCKET},
        ],
    )

    after = clients("stepfunctions").list_state_machine_versions(stateMachineArn=stack["ChildArn"])[
        "stateMachineVersions"
    ]
    assert len(after) == len(before) + 1
    assert output(clients, stack["LiveArn"]) == "hello"
    assert output(clients, stack["VersionArn"]) == "hi"


def test_an_output_of_a_type_that_is_not_there_is_one_clear_line(
    aws: local_aws.Account, tmp_path: Path
) -> None:
    template = tmp_path / "unknown.yaml"
    template.write_text(
        "Resources: {Plan: {Type: 'AWS::Scheduler::Schedule', Properties: {}}}\n"
        "Outputs: {Plan: {Value: !GetAtt Plan.Arn}}"
    )

    with pytest.raises(LocalError, match=r"unknown\.yaml .*not there locally") as refused:
        local_aws.deploy(aws.endpoint, aws.region, template, {}, stack="unknown")

    assert "\n" not in str(refused.value)


def test_deleting_the_stack_deletes_alarm_alias_and_version(
    aws: local_aws.Account, clients: Clients
) -> None:
    parameters = {"Greeting": "bye", "Bucket": BUCKET}
    made = local_aws.deploy(aws.endpoint, aws.region, TEMPLATE, parameters, stack="leaving")

    clients("cloudformation").delete_stack(StackName="leaving")

    machines = clients("stepfunctions").list_state_machines()["stateMachines"]
    assert made["ChildArn"] not in {machine["stateMachineArn"] for machine in machines}
    alarms = clients("cloudwatch").describe_alarms()["MetricAlarms"]
    assert made["Alarm"] not in {alarm["AlarmArn"] for alarm in alarms}
