"""A bucket and a table of the local account, as tests of workflows use them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.local.aws.workflows import Clients


class Bucket:
    """A bucket with versions."""

    def __init__(self, clients: Clients) -> None:
        self.name = f"b-{uuid.uuid4()}"
        self._s3 = clients("s3")
        self._s3.create_bucket(Bucket=self.name)
        self._s3.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
        )

    def put(self, key: str, body: str) -> str:
        """Write an object; returns the id of its version."""
        answer = self._s3.put_object(Bucket=self.name, Key=key, Body=body.encode())
        return str(answer["VersionId"])

    def json(self, key: str) -> Any:
        """The value of an object that is JSON."""
        return json.loads(self._s3.get_object(Bucket=self.name, Key=key)["Body"].read())


class Table:
    """A table that is not there until `create`, and the state that writes to it."""

    def __init__(self, clients: Clients) -> None:
        self.name = f"t-{uuid.uuid4()}"
        self._dynamodb = clients("dynamodb")

    def write(self, **more: Any) -> dict[str, Any]:
        """A state that puts an item with the execution's name; it fails without the table."""
        ending = {} if "Next" in more else {"End": True}
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {
                "TableName": self.name,
                "Item": {"id": {"S.$": "$$.Execution.Name"}},
            },
            "ResultPath": None,
            **ending,
            **more,
        }

    def create(self) -> None:
        """Create the table."""
        self._dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
