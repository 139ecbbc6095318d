"""S3 as we use it: pinned content, blocks, objects of any length, and refusals in our own words."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from approvals.arns import Place
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import aws, s3
from local import aws as local_aws

HERE = Place("us-east-1")


@pytest.fixture
def client(local_account: local_aws.Account, settings: Any) -> Iterator[Any]:
    """S3 of the local account, with the gateways pointed at it."""
    settings.AWS_ENDPOINT_URL = local_account.endpoint
    aws.forget()
    yield boto3.client(
        "s3",
        endpoint_url=local_account.endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    aws.forget()


@pytest.fixture
def bucket(client: Any) -> str:
    """A bucket that keeps versions."""
    name = f"b-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def test_what_was_pinned_is_read_though_it_was_written_over(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a b/é.json", Body=b"first")
    seen = s3.look(HERE, bucket, "a b/é.json")
    client.put_object(Bucket=bucket, Key="a b/é.json", Body=b"second, longer")

    with s3.opened(HERE, bucket, "a b/é.json", seen.version) as body:
        assert (seen.size, body.read(3), body.read(9), body.read(9)) == (5, b"fir", b"st", b"")


def test_without_versions_another_content_is_refused(client: Any, bucket: str) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    client.put_object(Bucket=bucket, Key="x", Body=b"first")
    seen = s3.look(HERE, bucket, "x")
    assert seen.version.startswith(s3.ETAG)
    with s3.opened(HERE, bucket, "x", seen.version) as body:
        assert body.read() == b"first"
    client.put_object(Bucket=bucket, Key="x", Body=b"second")

    with pytest.raises(Invalid, match="has changed"), s3.opened(HERE, bucket, "x", seen.version):
        pass


@pytest.mark.parametrize("blocks", [0, 3])
def test_an_object_of_any_length_is_written_as_it_comes(
    client: Any, bucket: str, blocks: int
) -> None:
    whole = [bytes([65 + number]) * (s3.PART // 2 + 1) for number in range(blocks)] + [b"end"]

    version = s3.write(HERE, bucket, "x", iter(whole))

    found = client.get_object(Bucket=bucket, Key="x", VersionId=version)
    assert found["Body"].read() == b"".join(whole)


@pytest.mark.parametrize(("key", "version"), [("none", ""), ("x", "no-such-version")])
def test_what_is_not_there_is_told_by_its_name(
    client: Any, bucket: str, key: str, version: str
) -> None:
    client.put_object(Bucket=bucket, Key="x", Body=b"1")

    with (
        pytest.raises(Invalid, match=f"s3://{bucket}/{key} is missing"),
        s3.opened(HERE, bucket, key, version),
    ):
        pass


def test_a_silent_s3_is_unavailable(settings: Any) -> None:
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:9"
    aws.forget()

    with pytest.raises(Unavailable, match="does not answer"):
        s3.look(HERE, "a-bucket", "x")
    aws.forget()


def test_a_policy_against_plain_http_does_not_apply_to_the_local_account(
    client: Any, bucket: str
) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    plain = {"Resource": f"arn:aws:s3:::{bucket}/*"}
    only_tls = deny | plain | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}

    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [only_tls]}))
    assert s3.write(HERE, bucket, "x", [b"1"])

    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [deny | plain]}))
    with pytest.raises(Invalid, match="may not be read or written"):
        s3.write(HERE, bucket, "x", [b"2"])
