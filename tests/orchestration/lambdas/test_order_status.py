"""The row of the status table: it belongs to the execution that started last."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from approvals.orchestration.lambdas import order_status
from tests.orchestration.lambdas.conftest import STATUS
from tests.orchestration.lambdas.payments import numbers

EARLY, LATE = "2026-11-25T09:00:00.000Z", "2026-11-25T10:00:00.000Z"


def row(tables: DynamoDBClient, order_id: str) -> tuple[str, str, str]:
    """Execution, status and reason."""
    found = tables.get_item(TableName=STATUS, Key={"order_id": {"S": order_id}})["Item"]
    return found["execution_arn"]["S"], found["status"]["S"], found["reason"]["S"]


def test_fulfilled_order_is_completed_also_when_it_is_recorded_again(
    tables: DynamoDBClient,
) -> None:
    order_id = f"status-{next(numbers)}"

    for _ in range(2):
        order_status.complete(order_id, "arn:first", EARLY)

    assert row(tables, order_id) == ("arn:first", "COMPLETED", "shipped")


def test_execution_that_started_later_takes_the_row_and_an_earlier_one_leaves_it(
    tables: DynamoDBClient,
) -> None:
    order_id = f"status-{next(numbers)}"
    order_status.complete(order_id, "arn:first", EARLY)

    order_status.complete(order_id, "arn:second", LATE)
    order_status.complete(order_id, "arn:first", EARLY)

    assert row(tables, order_id) == ("arn:second", "COMPLETED", "shipped")


def test_table_that_is_not_there_is_an_error(
    tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDER_STATUS_TABLE", "nowhere")

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        order_status.complete("1", "arn:first", EARLY)
