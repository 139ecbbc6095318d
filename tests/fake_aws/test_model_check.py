"""A response that does not fit botocore's model fails a test of the fake."""

from __future__ import annotations

from tests.fake_aws.clients import FakeAccount
from tests.fake_aws.model_check import differences


def test_a_reply_that_departs_from_the_model_is_noticed(fake: FakeAccount) -> None:
    shape = fake.sfn.meta.service_model.operation_model("DescribeExecution").output_shape
    arn, _ = fake.order()
    body = {"executionArn": arn, "stateMachineArn": "a", "status": "STARTED", "startDate": "today"}
    wrong = differences({**body, "nonsense": 1}, shape)
    assert [line.split(" ")[0].strip(":") for line in wrong] == [
        ".nonsense",
        ".status",
        ".startDate",
    ]
    assert differences({}, shape)[0] == ".executionArn is missing"
