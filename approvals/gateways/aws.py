"""AWS clients: one for each service and place in a process, with timeouts, and without hidden retries.

They are made when needed, and those that were used last are kept. All share what botocore has loaded.

A place may name a role to assume. Its credentials come from STS, are refreshed by botocore before
they run out, and are shared by all clients of that place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from django.conf import settings
from django.utils import timezone

from approvals import arns
from approvals.arns import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

SESSION_NAME = "countersign"  # what the other account's CloudTrail shows beside the role
PAUSE_AFTER_REFUSAL = 5.0  # seconds until a role that could not be assumed is tried again


class NoClientError(BotoCoreError):
    """No client can be made, so nothing was sent: AWS_ENDPOINT_URL or the region is invalid."""

    fmt = "no client can be made: AWS_ENDPOINT_URL or the region is unusable"


class RoleNotAssumedError(BotoCoreError):
    """STS gave no credentials for a role, so nothing was sent; `__cause__` is STS's or the network's error."""

    fmt = "the role {role} was not assumed"


class CredentialsExpiredError(BotoCoreError):
    """STS gave credentials that have run out already: our clock or that of STS is wrong."""

    fmt = "the credentials of STS have already run out"


MOST_PLACES = 32  # whose clients are kept, of each service

_making = Lock()  # boto3's sessions are not safe to make clients from in several threads


@lru_cache(maxsize=MOST_PLACES)
def stepfunctions(place: Place) -> SFNClient:
    """A Step Functions client whose every call is one request.

    botocore's default resends after a read timeout and then reports TaskTimedOut although the first
    request may have succeeded; the outbox retries instead, and journals that the outcome is unknown.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=20,
    )
    client: SFNClient = _client("stepfunctions", place, config)
    return client


@lru_cache(maxsize=MOST_PLACES)
def sqs(place: Place) -> SQSClient:
    """An SQS client whose read timeout outlasts our long poll; SQS calls may be repeated freely.

    An SQS that does not answer holds a call for 28 s at most, so that a process stops within 30 s.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=11,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=20,
    )
    client: SQSClient = _client("sqs", place, config)
    return client


@lru_cache(maxsize=MOST_PLACES)
def dynamodb(place: Place) -> DynamoDBClient:
    """A DynamoDB client for reading one row at a time, with short timeouts: it fills a page."""
    config = Config(
        connect_timeout=3,
        read_timeout=5,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    client: DynamoDBClient = _client("dynamodb", place, config)
    return client


@lru_cache(maxsize=MOST_PLACES)
def s3(place: Place) -> S3Client:
    """An S3 client; its calls read, or write a whole object, and may be repeated freely."""
    config = Config(
        connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"}
    )
    client: S3Client = _client("s3", place, config)
    return client


def account_of(place: Place) -> str:
    """The AWS account in which calls of a place are made; empty if STS does not answer.

    A role's ARN names it (`arn:aws:iam::ACCOUNT:role/NAME`); that of our own credentials comes from
    GetCallerIdentity, which needs no permission.
    """
    if place.role_arn:
        return arns.account_of(place.role_arn) or ""
    try:
        return _own_account(place.region)
    except (BotoCoreError, ClientError):
        return ""


def forget() -> None:
    """Drop every client and every role's credentials; the next call makes them anew."""
    for kept in (
        stepfunctions,
        sqs,
        dynamodb,
        s3,
        _own_session,
        _own_botocore_session,
        _session_of_role,
        _own_account,
    ):
        kept.cache_clear()


@lru_cache(maxsize=MOST_PLACES)
def _own_account(region: str) -> str:
    identity = _sts(_own_session(), region).get_caller_identity()
    return str(identity["Account"])


def _client(service: Any, place: Place, config: Config) -> Any:
    with _made():
        return _session(place).client(
            service, region_name=place.region, endpoint_url=_endpoint(), config=config
        )


def _session(place: Place) -> boto3.session.Session:
    """The session of a place, with the process's own credentials or the role's. Raises NoCredentialsError."""
    return _session_of_role(place) if place.role_arn else _own_session()


@lru_cache(maxsize=1)
def _own_session() -> boto3.session.Session:
    return boto3.session.Session(botocore_session=_own_botocore_session())


@lru_cache(maxsize=1)
def _own_botocore_session() -> botocore.session.Session:
    return botocore.session.Session()


@lru_cache(maxsize=MOST_PLACES)
def _session_of_role(place: Place) -> boto3.session.Session:
    own = _own_session()
    source = own.get_credentials()
    if source is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        lambda _service, **keys: _sts(own, place.region, **keys),
        source,
        place.role_arn,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    assumed = botocore.session.Session()
    provider = _Assumed(place.role_arn, fetcher.fetch_credentials)
    assumed.register_component("credential_provider", CredentialResolver([provider]))
    # The descriptions of AWS's services, several MB, are loaded once for all roles.
    assumed.register_component("data_loader", _own_botocore_session().get_component("data_loader"))
    return boto3.session.Session(botocore_session=assumed)


def _sts(session: boto3.session.Session, region: str, **keys: Any) -> Any:
    """An STS client with short timeouts: a call waits for its credentials before its own timeouts run."""
    config = Config(
        connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"}
    )
    with _made():
        return session.client(
            "sts", region_name=region, endpoint_url=_endpoint(), config=config, **keys
        )


class _Assumed(CredentialProvider):
    """Provides a role's credentials to a session; botocore refreshes them, one thread at a time."""

    METHOD = CANONICAL_NAME = "assume-role"

    def __init__(self, role: str, fetch: Callable[[], dict[str, Any]]) -> None:
        self._role, self._fetch = role, fetch
        self._refusal: BotoCoreError | ClientError | None = None
        self._ask_again_at = 0.0

    def load(self) -> DeferredRefreshableCredentials:
        """Credentials that are fetched when the first request is signed, not now."""
        return DeferredRefreshableCredentials(self._refresh, self.METHOD)

    def _refresh(self) -> dict[str, Any]:
        # All threads of a process wait here. If STS did not answer, each would wait in turn for its
        # timeout, and the last one longer than its lease: so they share one refusal for a while.
        if self._refusal is not None and time.monotonic() < self._ask_again_at:
            raise RoleNotAssumedError(role=self._role) from self._refusal
        try:
            fetched = self._fetch()
            if datetime.fromisoformat(fetched["expiry_time"]) <= timezone.now():
                raise CredentialsExpiredError  # botocore would raise a bare RuntimeError for it
        except (BotoCoreError, ClientError) as refusal:
            self._refusal = refusal
            self._ask_again_at = time.monotonic() + PAUSE_AFTER_REFUSAL
            raise RoleNotAssumedError(role=self._role) from refusal
        self._refusal = None
        return fetched


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
