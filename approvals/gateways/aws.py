"""AWS clients: one per service and region in a process, with timeouts, and never a hidden retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from django.conf import settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class NoClientError(BotoCoreError):
    """No client can be made, so nothing was sent: AWS_ENDPOINT_URL or the region is none."""

    fmt = "no client can be made: AWS_ENDPOINT_URL or the region is unusable"


_making = Lock()  # boto3's default session is not safe to make clients from in several threads


@cache
def stepfunctions(region: str) -> SFNClient:
    """A Step Functions client whose every call is one request.

    botocore's default resends after a read timeout and then reports TaskTimedOut although the first
    request may have won; the outbox retries instead, and knows what it does not know.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=20,
    )
    with _made():
        return boto3.client(
            "stepfunctions", region_name=region, endpoint_url=_endpoint(), config=config
        )


@cache
def sqs(region: str) -> SQSClient:
    """An SQS client whose read timeout outlasts our long poll; SQS calls may be repeated freely.

    A silent SQS holds a call for 28 s at most, so that a process that is told to stop is gone in 30.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=11,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=20,
    )
    with _made():
        return boto3.client("sqs", region_name=region, endpoint_url=_endpoint(), config=config)


@contextmanager
def _made() -> Iterator[None]:
    with _making:
        try:
            yield
        except ValueError as error:
            raise NoClientError from error


def _endpoint() -> str | None:
    url: str | None = settings.AWS_ENDPOINT_URL
    return url
