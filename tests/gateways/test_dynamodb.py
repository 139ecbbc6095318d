"""The gateway to DynamoDB: one row as plain values, and what it says where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from botocore.stub import Stubber

from approvals.arns import Place
from approvals.gateways import aws, dynamodb
from approvals.gateways.errors import Proof

PLACE = Place("eu-west-3")
ASKED = {"TableName": "order-status", "Key": {"order_id": {"S": "7"}}}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """botocore's Stubber: parameters are validated, errors are the modelled ones."""
    with Stubber(aws.dynamodb(PLACE)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_row_comes_as_plain_values(stub: Stubber) -> None:
    item = {"order_id": {"S": "7"}, "rounds": {"N": "2"}, "open": {"BOOL": True}}
    stub.add_response("get_item", {"Item": item}, ASKED)

    answer, row = dynamodb.get_item(PLACE, "order-status", {"order_id": "7"})

    assert answer.proof == Proof.ACCEPTED
    assert row == {"order_id": "7", "rounds": Decimal(2), "open": True}


def test_no_row_is_no_error_and_a_refusal_is_one(stub: Stubber) -> None:
    stub.add_response("get_item", {}, ASKED)
    stub.add_client_error("get_item", "AccessDeniedException")

    empty, none = dynamodb.get_item(PLACE, "order-status", {"order_id": "7"})
    refused, nothing = dynamodb.get_item(PLACE, "order-status", {"order_id": "7"})

    assert (empty.proof, none) == (Proof.ACCEPTED, None)
    assert (refused.proof, nothing) == (Proof.ACCESS_DENIED, None)
