"""Many orders in one call: what needs nobody is done, and the rest is held with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from approvals.orchestration.lambdas import ledger, settle_orders
from approvals.orchestration.lambdas.failures import ServiceUnavailableError


class Context:
    """A Lambda's context: the milliseconds that are left, at each question."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0)


@pytest.fixture
def own_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBClient]:
    """A ledger and a status table that hold nothing else."""
    names = {"LEDGER_TABLE": "ledger", "ORDER_STATUS_TABLE": "status"}
    for name, value in {**names, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        for table, keys in (("ledger", ["order_id", "entry"]), ("status", ["order_id"])):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": "RANGE" if place else "HASH"}
                    for place, key in enumerate(keys)
                ],
            )
        ledger._client.cache_clear()
        yield client
    ledger._client.cache_clear()


def settle(*placed: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """What the function answers for these orders."""
    carried = [
        {"item": number, "name": f"order-{one['order_id']}", "input": json.dumps(one)}
        for number, one in enumerate(placed, 1)
    ]
    event = {"orders": carried, "execution_arn": "arn:x", "execution_started": "2026-11-25T09:00Z"}
    return settle_orders.handler(event, context)


def placed(order_id: str, **more: Any) -> dict[str, Any]:
    return {"order_id": order_id, "total": 5, "currency": "EUR", **more}


def test_what_needs_nobody_is_done_and_the_rest_is_held_with_its_reason(
    own_tables: DynamoDBClient,
) -> None:
    answer = settle(
        placed("1"),
        placed("2", payment={"card": "card_fraud"}),
        placed("3", customer={"email": "x@bounce.example"}),
        placed("4", items=[{"sku": "OUT-OF-STOCK", "quantity": 1}]),
        placed("5", payment={"card": "card_outage"}),
        {"order_id": "6"},
    )

    assert answer["settled"] == [1, 3]  # a notice that fails takes no order away
    assert [order["name"] for order in answer["held"]] == [
        "order-2",
        "order-4",
        "order-5",
        "order-6",
    ]
    assert [one["error"] for one in answer["reasons"]] == [
        "FraudSuspected",
        "OutOfStock",
        "ConnectionError",
        "ValidationError",
    ]
    rows = own_tables.scan(TableName="status")["Items"]
    assert {row["order_id"]["S"] for row in rows} == {"1", "3"}


def test_an_order_that_was_settled_is_not_paid_twice(own_tables: DynamoDBClient) -> None:
    settle(placed("1"))
    before = own_tables.scan(TableName="ledger")["Items"]

    assert settle(placed("1"))["settled"] == [1]
    assert own_tables.scan(TableName="ledger")["Items"] == before


def test_an_order_that_was_charged_and_refunded_meanwhile_is_not_charged_anew(
    own_tables: DynamoDBClient,
) -> None:
    rejected = placed("1", items=[{"sku": "OUT-OF-STOCK", "quantity": 1}])
    settle(rejected)
    ledger.write_once("1", "refund#charge-1", amount="5")

    answer = settle(rejected)

    assert answer["reasons"] == [{"item": 1, "error": "ChargeGivenBack"}]
    entries = {row["entry"]["S"] for row in own_tables.scan(TableName="ledger")["Items"]}
    assert "charge#charge-1" in entries
    assert not any("charge-1.2" in entry for entry in entries)


def test_a_newer_execution_keeps_its_row(own_tables: DynamoDBClient) -> None:
    newer = {
        "order_id": {"S": "1"},
        "status": {"S": "PROCESSING"},
        "execution_arn": {"S": "arn:newer"},
        "attempt_started": {"S": "2026-11-25T10:00Z"},
        "status_order": {"N": "1"},
    }
    own_tables.put_item(TableName="status", Item=newer)

    assert settle(placed("1"))["settled"] == [1]
    assert own_tables.scan(TableName="status")["Items"] == [newer]


def test_what_there_is_no_time_for_is_held(own_tables: DynamoDBClient) -> None:
    answer = settle(placed("1"), placed("2"), context=Context(60_000, 10_000))

    assert (answer["settled"], answer["reasons"]) == ([1], [{"item": 2, "error": "OutOfTime"}])


def test_a_table_that_is_away_is_no_orders_fault(own_tables: DynamoDBClient) -> None:
    own_tables.delete_table(TableName="ledger")

    with pytest.raises(ServiceUnavailableError):
        settle(placed("1"))
