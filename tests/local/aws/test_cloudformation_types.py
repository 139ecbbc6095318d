"""Alarms and policies of a template, types that moto's CloudFormation does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.processes import LocalError
from tests.local.aws.stacks import Deploy, output
from tests.local.aws.workflows import Clients


def test_a_bucket_has_its_policy(versions: dict[str, str], clients: Clients) -> None:
    policy = json.loads(clients("s3").get_bucket_policy(Bucket=versions["Results"])["Policy"])

    assert policy["Statement"][0]["Effect"] == "Deny"


def test_an_alarm_is_there_as_the_template_says(versions: dict[str, str], clients: Clients) -> None:
    alarms = clients("cloudwatch").describe_alarms()["MetricAlarms"]

    (alarm,) = [each for each in alarms if each["AlarmArn"] == versions["Alarm"]]
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (900, "notBreaching")


def test_a_queue_has_its_policy_and_gets_the_status_events(
    versions: dict[str, str], clients: Clients
) -> None:
    sqs = clients("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=versions["Events"], AttributeNames=["Policy"])
    assert "events.amazonaws.com" in attributes["Attributes"]["Policy"]

    output(clients, versions["LiveArn"])

    (message,) = sqs.receive_message(QueueUrl=versions["Events"], WaitTimeSeconds=20)["Messages"]
    detail = json.loads(message["Body"])["detail"]
    assert (detail["status"], detail["stateMachineArn"]) == ("SUCCEEDED", versions["ChildArn"])


def test_an_output_of_a_type_that_is_not_there_is_one_clear_line(
    deploy: Deploy, tmp_path: Path
) -> None:
    template = tmp_path / "unknown.yaml"
    template.write_text(
        "Resources: {Plan: {Type: 'AWS::Scheduler::Schedule', Properties: {}}}\n"
        "Outputs: {Plan: {Value: !GetAtt Plan.Arn}}"
    )

    with pytest.raises(LocalError, match=r"unknown\.yaml .*not there locally") as refused:
        deploy(template, "unknown")

    assert "\n" not in str(refused.value)
