"""The shipped template in the local account, and what it holds of orders afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local.aws import Account, deploy
from tests.paths import ROOT


class Deployed:
    """One stack: its addresses for the service, and its tables and executions for whoever counts."""

    def __init__(self, account: Account, prefix: str, **parameters: str) -> None:
        def client(name: Any) -> Any:
            return boto3.client(
                name,
                endpoint_url=account.endpoint,
                region_name=account.region,
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )

        template = ROOT / "deploy" / "template.yaml"
        self._states, self._s3, self._dynamodb = map(client, ("stepfunctions", "s3", "dynamodb"))
        self._outputs = deploy(
            account.endpoint,
            account.region,
            template,
            {"NamePrefix": prefix, **parameters},
            stack=f"{prefix}orders",
        )
        self.bucket = self._outputs["OrdersBucketName"]
        self.environment = {
            "AWS_ENDPOINT_URL": account.endpoint,
            "AWS_REGION": account.region,
            "ORDER_FULFILLMENT_STATE_MACHINE_ARN": self._outputs["StateMachineArn"],
            "ORDER_BATCH_STATE_MACHINE_ARN": self._outputs["OrderBatchStateMachineArn"],
            "DAILY_ORDERS_STATE_MACHINE_ARN": self._outputs["DailyOrdersStateMachineArn"],
            "ORDER_BUCKETS": self.bucket,
        }

    def url(self, path: Path) -> str:
        """Where a file is in S3."""
        return f"s3://{self.bucket}/in/{path.name}"

    def put(self, path: Path) -> None:
        """Put a file into the bucket."""
        self._s3.put_object(Bucket=self.bucket, Key=f"in/{path.name}", Body=path.read_bytes())

    def started(self) -> Counter[str]:
        """How many executions of the order workflow each order has."""
        pages = self._states.get_paginator("list_executions")
        machine = self._outputs["StateMachineArn"]
        return Counter(
            row["name"].removeprefix("order-")
            for page in pages.paginate(stateMachineArn=machine)
            for row in page["executions"]
        )

    def shipped(self) -> set[str]:
        """Orders that the status table calls completed."""
        rows = self._scan(self._outputs["OrderStatusTable"])
        return {row["order_id"]["S"] for row in rows if row["status"]["S"] == "COMPLETED"}

    def charged(self, of: set[str]) -> Counter[str]:
        """How many charges the ledger has for each of these orders."""
        rows = self._scan(self._outputs["LedgerTable"])
        charges = (row["order_id"]["S"] for row in rows if row["entry"]["S"].startswith("charge#"))
        return Counter(order_id for order_id in charges if order_id in of)

    def transitions(self, mode: str) -> int:
        """How many states the executions that carried orders have entered; a map's children are Express."""
        name = {"batches": "OrderBatchStateMachineArn", "map": "DailyOrdersStateMachineArn"}[mode]
        pages = self._states.get_paginator("list_executions")
        executions = [
            row["executionArn"]
            for page in pages.paginate(stateMachineArn=self._outputs[name])
            for row in page["executions"]
        ]
        return sum(self._entered(arn) for arn in executions)

    def _entered(self, arn: str) -> int:
        pages = self._states.get_paginator("get_execution_history")
        events = (event for page in pages.paginate(executionArn=arn) for event in page["events"])
        return sum(event["type"].endswith("StateEntered") for event in events)

    def _scan(self, table: str) -> Iterator[dict[str, Any]]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=table):
            yield from page["Items"]
