"""Stacks of the templates beside this module, deployed into the local account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from local import aws as local_aws
from tests.local.aws.workflows import Clients, ended

HERE = Path(__file__).parent
FUNCTIONS = HERE / "functions.yaml"
MACHINE = HERE / "machine.yaml"
VERSIONS = HERE / "versions.yaml"
BUCKET = "tests-local-definitions"
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


@dataclass
class Deploy:
    """Deploys templates into an account; a stack is named `tests-` and the given name."""

    account: local_aws.Account
    clients: Clients

    def __call__(self, template: Path, name: str, **parameters: str) -> dict[str, str]:
        """Create a stack and return its outputs."""
        account = self.account
        return local_aws.deploy(
            account.endpoint, account.region, template, parameters, stack=f"tests-{name}"
        )

    def versions(self, name: str, greeting: str) -> dict[str, str]:
        """Create a stack of versions.yaml, whose workflows return `greeting`."""
        self.clients("s3").create_bucket(Bucket=BUCKET)
        for key, definition in (("child", CHILD), ("parent", PARENT)):
            body = json.dumps(definition).encode()
            self.clients("s3").put_object(Bucket=BUCKET, Key=f"{key}.asl.json", Body=body)
        return self(VERSIONS, name, Greeting=greeting, Bucket=BUCKET)

    def update(self, name: str, body: str, **parameters: str) -> None:
        """Update a stack to a template with this text."""
        self.clients("cloudformation").update_stack(
            StackName=f"tests-{name}",
            TemplateBody=body,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        )

    def delete(self, name: str) -> None:
        """Delete a stack."""
        self.clients("cloudformation").delete_stack(StackName=f"tests-{name}")


def output(clients: Clients, machine_arn: str) -> object:
    """Run an execution of a state machine to its end; returns its output as a value."""
    started = clients("stepfunctions").start_execution(stateMachineArn=machine_arn)
    value: object = json.loads(ended(clients, started["executionArn"])["output"])
    return value
