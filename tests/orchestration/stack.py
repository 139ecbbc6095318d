"""A deployed stack to try orders on: the shipped template in the local account, and its clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3

from local.aws import Account, deploy
from tests.paths import ROOT

APPROVED = {"decision": "approved", "approved": True, "decision_id": "d-1"}
TEMPLATE = ROOT / "deploy/template.yaml"
_numbers = count(1)
_stacks = count(1)


class Workflow:
    """One deployed stack: starts orders, answers their reviews, reads what became of them."""

    def __init__(self, account: Account, prefix: str, **parameters: str) -> None:
        def client(name: Any) -> Any:
            return boto3.client(
                name,
                endpoint_url=account.endpoint,
                region_name=account.region,
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )

        self.sqs, self.dynamodb = client("sqs"), client("dynamodb")
        self.states = client("stepfunctions")
        self.s3, self.cloudformation = client("s3"), client("cloudformation")
        prefix = f"{prefix}{next(_stacks)}-"  # a fixture may be set up twice in one account
        self.stack = f"{prefix}orders"
        self.outputs = deploy(
            account.endpoint,
            account.region,
            TEMPLATE,
            parameters | {"NamePrefix": prefix},
            stack=self.stack,
        )
        self._reviews: dict[str, Any] = {}

    def deploy_anew(self, key: str, definition: str) -> dict[str, str]:
        """Deploy another definition into the stack, under this S3 key; the stack's outputs then."""
        (stack,) = self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        self.s3.put_object(Bucket=given["ArtifactBucket"], Key=key, Body=definition.encode())
        self.cloudformation.update_stack(
            StackName=self.stack,
            TemplateBody=TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in (given | {"DefinitionKey": key}).items()
            ],
        )
        (stack,) = self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def start(self, placed: Any, name: str | None = None) -> str:
        """Start an execution and return its ARN."""
        started = self.states.start_execution(
            stateMachineArn=self.outputs["StateMachineArn"],
            name=name or f"order-{next(_numbers)}",
            input=json.dumps(placed),
        )
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution and return its description."""
        for _ in range(1_200):
            found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.05)
        raise AssertionError(f"{execution} is still running")

    def review(self, order_id: str) -> dict[str, Any]:
        """Take the order's review message from the queue."""
        deadline = time.monotonic() + 60
        while order_id not in self._reviews and time.monotonic() < deadline:
            for body in self._receive("ReviewQueueUrl"):
                self._reviews[body["orderId"]] = body
        found: dict[str, Any] = self._reviews.pop(order_id)
        return found

    def answer(self, review: dict[str, Any], output: object = APPROVED) -> None:
        """Answer a review with success."""
        self.states.send_task_success(taskToken=review["taskToken"], output=json.dumps(output))

    def reject(self, review: dict[str, Any]) -> None:
        """Answer a review with the failure that rejects."""
        self.states.send_task_failure(
            taskToken=review["taskToken"], error="ReviewRejected", cause="Rejected by alice"
        )

    def status_events(self, execution: str) -> list[str]:
        """The statuses announced for an execution."""
        deadline = time.monotonic() + 60
        seen: list[str] = []
        while not seen and time.monotonic() < deadline:
            details = [body["detail"] for body in self._receive("StatusEventsQueueUrl")]
            seen = [found["status"] for found in details if found["executionArn"] == execution]
        return seen

    def row(self, order_id: object) -> dict[str, str]:
        """The order's row in the status table."""
        key = {"order_id": {"S": str(order_id)}}
        found = self.dynamodb.get_item(TableName=self.outputs["OrderStatusTable"], Key=key)
        item: dict[str, dict[str, str]] = found.get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    def ledger(self, order_id: object, prefix: str = "") -> list[dict[str, Any]]:
        """The order's rows in the ledger."""
        found = self.dynamodb.query(
            TableName=self.outputs["LedgerTable"],
            KeyConditionExpression="order_id = :id",
            ExpressionAttributeValues={":id": {"S": str(order_id)}},
        )
        return [row for row in found["Items"] if row["entry"]["S"].startswith(prefix)]

    def charge_unnoticed(self, placed: dict[str, Any]) -> None:
        """Let the gateway have charged the order although its answer never came."""
        charge = {
            "order_id": placed["order_id"],
            "entry": f"charge#charge-{placed['order_id']}",
            "charge_id": "ch_late",
            "card": placed["payment"]["card"],
            "amount": f"{placed['total']:.2f}",
            "currency": placed["currency"],
            "decision_id": "",
        }
        item = {name: {"S": value} for name, value in charge.items()}
        self.dynamodb.put_item(TableName=self.outputs["LedgerTable"], Item=item)

    def _receive(self, queue: str) -> Iterator[dict[str, Any]]:
        url = self.outputs[queue]
        got = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])
