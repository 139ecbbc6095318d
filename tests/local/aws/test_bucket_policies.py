"""Bucket policies: the local account is reached over plain HTTP, and other statements apply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.resources import Bucket
from tests.local.aws.workflows import Clients

PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def denied(bucket: Bucket, key: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket.name}/{key}",
        **more,
    }


@pytest.fixture
def protected(clients: Clients) -> Bucket:
    """A bucket that denies plain HTTP, and to everybody the object `secret`."""
    made = Bucket(clients)
    statements = [denied(made, "*", Condition=PLAIN_HTTP), denied(made, "secret")]
    policy = {"Version": "2012-10-17", "Statement": statements}
    clients("s3").put_bucket_policy(Bucket=made.name, Policy=json.dumps(policy))
    made.put("orders", "[1]")
    made.put("secret", "[2]")
    return made


def test_a_statement_about_plain_http_denies_nothing_here(protected: Bucket) -> None:
    assert protected.json("orders") == [1]


def test_another_statement_beside_it_still_denies(protected: Bucket, clients: Clients) -> None:
    with pytest.raises(ClientError) as refused:
        clients("s3").get_object(Bucket=protected.name, Key="secret")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
