"""The row of an order in DynamoDB: the definition's own writes, in every order in which they may arrive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import boto3
import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import Account
from tests.orchestration.definitions.definition_files import states_of

STATES = states_of("order_fulfillment")
WRITES = {name: state for name, state in STATES.items() if "dynamodb" in state.get("Resource", "")}
STARTED = {"first": "2026-11-25T10:00:00.120Z", "second": "2026-11-25T10:00:07.003Z"}


@pytest.fixture(scope="module")
def table(local_account: Account) -> Iterator[DynamoDBClient]:
    """A table like the template's, and a client for it."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=local_account.endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    client.create_table(
        TableName="rows",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
    )
    yield client
    client.delete_table(TableName="rows")


def write(table: DynamoDBClient, state: str, attempt: str, order_id: str) -> bool:
    """Send a state's PutItem as this attempt would; whether DynamoDB took it."""
    known = {
        "States.Format('{}', $.order_id)": order_id,
        "$$.Execution.Id": f"arn:{attempt}",
        "$$.Execution.StartTime": STARTED[attempt],
        "$$.State.EnteredTime": "2026-11-25T10:01:00.000Z",
        "$.outcome.status": "REJECTED",
        "$.outcome.reason": "because",
    }

    def filled_in(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            key.removesuffix(".$"): known[inner] if key.endswith(".$") else filled_in(inner)
            for key, inner in value.items()
        }

    try:
        table.put_item(**(filled_in(WRITES[state]["Parameters"]) | {"TableName": "rows"}))
    except table.exceptions.ConditionalCheckFailedException:
        return False
    return True


def row(table: DynamoDBClient, order_id: str) -> tuple[str, int, str]:
    found = table.get_item(TableName="rows", Key={"order_id": {"S": order_id}})["Item"]
    return found["execution_arn"]["S"], int(found["status_order"]["N"]), found["status"]["S"]


def test_every_write_of_the_workflow_is_conditional_and_a_refused_one_holds_up_nothing() -> None:
    assert set(WRITES) == {
        "RecordProcessing", "RecordRollback", "RecordCompleted", "RecordOutcome",
    }  # fmt: skip
    for state in WRITES.values():
        refused = [
            rule["Next"]
            for rule in state["Catch"]
            if rule["ErrorEquals"] == ["DynamoDB.ConditionalCheckFailedException"]
        ]
        assert state["Resource"] == "arn:aws:states:::dynamodb:putItem"
        assert refused == [state["Next"]]
        order = state["Parameters"]["Item"]["status_order"]
        assert order == state["Parameters"]["ExpressionAttributeValues"][":order"]


def test_the_newest_attempts_last_word_stands_in_whatever_order_the_writes_arrive(
    table: DynamoDBClient,
) -> None:
    writes = [
        ("RecordProcessing", "first"),
        ("RecordOutcome", "first"),
        ("RecordProcessing", "second"),
        ("RecordCompleted", "second"),
    ]
    for number, arrival in enumerate(permutations(writes)):
        seen = [("", 0)]
        for state, attempt in arrival:
            write(table, state, attempt, f"o-{number}")
            mine, order, _ = row(table, f"o-{number}")
            seen.append((mine, order))

        rank = [(arn == "arn:second", order) for arn, order in seen]
        assert rank == sorted(rank)
        assert row(table, f"o-{number}") == ("arn:second", 3, "COMPLETED")


def test_a_write_that_is_repeated_is_taken_again_and_a_redrive_goes_on(
    table: DynamoDBClient,
) -> None:
    taken = [
        write(table, state, "first", "redriven")
        for state in ("RecordProcessing", "RecordProcessing", "RecordRollback", "RecordOutcome")
    ]

    assert taken == [True] * 4
    assert not write(table, "RecordProcessing", "first", "redriven")
    assert row(table, "redriven") == ("arn:first", 3, "REJECTED")
