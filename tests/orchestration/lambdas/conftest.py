"""The tables of the Lambda functions, in the local account."""

from __future__ import annotations

import boto3
import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import Account

LEDGER, STATUS = "lambdas-ledger", "lambdas-status"


@pytest.fixture(scope="session")
def function_tables(local_account: Account) -> DynamoDBClient:
    """The ledger and the status table, and a client for both."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=local_account.endpoint,
        region_name=local_account.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    client.create_table(
        TableName=LEDGER,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "order_id", "AttributeType": "S"},
            {"AttributeName": "entry", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "order_id", "KeyType": "HASH"},
            {"AttributeName": "entry", "KeyType": "RANGE"},
        ],
    )
    client.create_table(
        TableName=STATUS,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
    )
    return client


@pytest.fixture
def tables(
    function_tables: DynamoDBClient, local_account: Account, monkeypatch: pytest.MonkeyPatch
) -> DynamoDBClient:
    """The environment of the functions, which names their tables; the client of both tables."""
    names = {"LEDGER_TABLE": LEDGER, "ORDER_STATUS_TABLE": STATUS}
    for name, value in {**local_account.environment(), **names}.items():
        monkeypatch.setenv(name, value)
    return function_tables
