"""DynamoDB: one row of a table, as plain values. Read only."""

from __future__ import annotations

from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError

from approvals.arns import Place
from approvals.gateways import aws
from approvals.gateways.errors import Answer, accepted, classify


def get_item(place: Place, table: str, key: dict[str, str]) -> tuple[Answer, dict[str, Any] | None]:
    """GetItem (eventually consistent) by text keys, as plain values; None if there is no such row.

    None, too, if the call failed: the answer beside it holds why. Numbers are Decimal, binary values
    Binary, as boto3's own deserializer makes them.
    """
    keys = {name: {"S": value} for name, value in key.items()}
    try:
        response = aws.dynamodb(place).get_item(TableName=table, Key=keys)
    except (BotoCoreError, ClientError) as error:
        return classify(error), None
    deserialize = TypeDeserializer().deserialize
    item = {name: deserialize(value) for name, value in response.get("Item", {}).items()}
    return accepted(response), item or None
