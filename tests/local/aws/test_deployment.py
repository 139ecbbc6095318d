"""Deploying a template: its outputs, and refusals of one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import aws as local_aws
from local.processes import LocalError
from tests.local.aws.stacks import MACHINE, Deploy
from tests.local.aws.workflows import refusal


def test_a_template_that_is_refused_is_one_clear_line(deploy: Deploy, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("Resources: {Thing: {Type: AWS::SQS::Queue, Properties: {QueueName: 'a b'}}}")

    with pytest.raises(LocalError, match=r"broken\.yaml") as refused:
        deploy(broken, "broken")

    assert "\n" not in str(refused.value)


def test_an_account_that_does_not_answer_is_one_clear_line() -> None:
    with pytest.raises(LocalError, match=r"machine\.yaml was not deployed: ") as refused:
        local_aws.deploy("http://127.0.0.1:9", "us-east-1", MACHINE, {})

    assert "\n" not in str(refused.value)


def test_a_profile_of_the_shell_does_not_select_another_account(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "company")

    made = deploy(MACHINE, "in-a-configured-shell")

    assert made["MachineArn"].startswith("arn:aws:states:us-east-1:123456789012:stateMachine:")


def test_deleting_a_stack_deletes_what_it_made(deploy: Deploy) -> None:
    made = deploy(MACHINE, "short-lived")
    describe = deploy.clients("stepfunctions").describe_state_machine
    assert describe(stateMachineArn=made["MachineArn"])["status"] == "ACTIVE"

    deploy.delete("short-lived")

    assert refusal(describe, stateMachineArn=made["MachineArn"]) == "StateMachineDoesNotExist"
