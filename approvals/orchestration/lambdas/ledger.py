"""The order ledger in DynamoDB: one row for each action taken for an order, written once.

A function that runs again, because Step Functions retried it or the execution was redriven, finds
its row here and does not repeat the action.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Below the functions' own timeout: a slow table gives an error, not a killed function.
_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3}
)


def write_once(order_id: str, entry: str, **fields: str) -> bool:
    """Write the row unless it exists already; returns whether this call wrote it."""
    item = {"order_id": order_id, "entry": entry, **fields}
    try:
        dynamodb().put_item(
            TableName=_table(),
            Item={name: {"S": value} for name, value in item.items()},
            ConditionExpression="attribute_not_exists(entry)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def find(order_id: str, entry: str) -> dict[str, str] | None:
    """The row by a consistent read, or None."""
    response = dynamodb().get_item(
        TableName=_table(), Key=_key(order_id, entry), ConsistentRead=True
    )
    item = response.get("Item")
    return None if item is None else _plain(item)


def find_all(order_id: str, prefix: str) -> list[dict[str, str]]:
    """The order's rows whose entry starts with the prefix, in the order of their entries."""
    response = dynamodb().query(
        TableName=_table(),
        KeyConditionExpression="order_id = :order_id AND begins_with(entry, :prefix)",
        ExpressionAttributeValues={":order_id": {"S": order_id}, ":prefix": {"S": prefix}},
        ConsistentRead=True,
    )
    return [_plain(item) for item in response["Items"]]


def count(order_id: str, entry: str) -> int:
    """Add one to the row's counter; returns its new value."""
    response = dynamodb().update_item(
        TableName=_table(),
        Key=_key(order_id, entry),
        UpdateExpression="ADD times :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return int(response["Attributes"]["times"]["N"])


def delete(order_id: str, entry: str) -> None:
    """Delete the row; a missing row is no error."""
    dynamodb().delete_item(TableName=_table(), Key=_key(order_id, entry))


def _key(order_id: str, entry: str) -> dict[str, dict[str, str]]:
    return {"order_id": {"S": order_id}, "entry": {"S": entry}}


def _plain(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items()}


def _table() -> str:
    return os.environ["LEDGER_TABLE"]


def dynamodb() -> DynamoDBClient:
    """The client of this function's region."""
    return _client(os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_REGION"))


@cache
def _client(endpoint: str | None, region: str | None) -> DynamoDBClient:
    # A session of its own: boto3's default session may not be shared while clients are made, and
    # the local account calls these functions from many threads.
    session = boto3.session.Session()
    return session.client(
        "dynamodb", endpoint_url=endpoint, region_name=region, config=_CLIENT_CONFIG
    )
