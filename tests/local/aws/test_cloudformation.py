"""Queues, buckets and state machines of a template, where moto does otherwise than AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import aws as local_aws
from local.processes import LocalError
from tests.local.aws.stacks import MACHINE, Deploy, output
from tests.local.aws.workflows import Clients


def test_a_queue_of_the_template_is_addressed_at_this_account(
    functions: dict[str, str], local_account: local_aws.Account, clients: Clients
) -> None:
    url = functions["QueueUrl"]
    assert url.startswith(f"{local_account.endpoint}/")
    clients("sqs").send_message(QueueUrl=url, MessageBody="hello")
    (got,) = clients("sqs").receive_message(QueueUrl=url)["Messages"]
    assert got["Body"] == "hello"


def test_a_state_machine_of_the_template_runs_with_its_substitutions(
    functions: dict[str, str], clients: Clients
) -> None:
    assert functions["MachineArn"] == functions["SameMachineArn"]
    assert output(clients, functions["MachineArn"]) == f"hi via {functions['QueueUrl']}"


def test_an_updated_stack_has_its_machine_run_the_new_definition(
    deploy: Deploy, clients: Clients
) -> None:
    made = deploy(MACHINE, "growing")
    deploy.update("growing", MACHINE.read_text().replace("Type: Pass,", "Type: Pass, Result: new,"))

    machine = clients("stepfunctions").describe_state_machine(stateMachineArn=made["MachineArn"])
    assert json.loads(machine["definition"])["States"]["Pass"]["Result"] == "new"


def test_a_machine_without_a_definition_is_one_clear_line(deploy: Deploy, tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    machine = "{Type: AWS::StepFunctions::StateMachine, Properties: {RoleArn: r}}"
    empty.write_text("Resources: {Machine: " + machine + "}")

    with pytest.raises(LocalError, match=r"empty\.yaml .*needs a Definition") as refused:
        deploy(empty, "empty")

    assert "\n" not in str(refused.value)


def test_a_bucket_keeps_versions_if_the_template_says_so(
    versions: dict[str, str], clients: Clients
) -> None:
    versioning = clients("s3").get_bucket_versioning(Bucket=versions["Results"])

    assert versioning["Status"] == "Enabled"
