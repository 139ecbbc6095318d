"""Tokens of requests: which are valid, and that a request is counted by its token, in one statement."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from knox.crypto import hash_token

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import ApiToken, RateBucket, User
from approvals.records import api_tokens
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def digest(db: None) -> str:
    """The digest of a token of ada@example.com."""
    ada = factories.user("ada@example.com")
    secret = credentials.issue_token(ada, "triage bot", by=COMMAND_LINE, scopes=["read"])
    stored: str = hash_token(secret)
    return stored


@pytest.mark.parametrize("per_minute", [0, 60])
def test_a_token_comes_with_its_user_as_both_are_stored(digest: str, per_minute: int) -> None:
    with CaptureQueriesContext(connection) as asked:
        found = api_tokens.valid(digest, per_minute=per_minute)
        assert found is not None
        token, admitted = found
        values = [{**vars(row)} for row in (token, token.user)]

    assert admitted
    assert len(asked) == 1
    stored = ApiToken.objects.select_related("user").get()
    for read, row in zip(values, (stored, stored.user), strict=True):
        expected = {**vars(row)}
        assert read.pop("_state").fields_cache.keys() == expected.pop("_state").fields_cache.keys()
        assert read == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda: ApiToken.objects.update(revoked_at=Now()),
        lambda: ApiToken.objects.update(expiry=Now()),
        lambda: User.objects.update(is_active=False),
        lambda: ApiToken.objects.update(digest="0" * 128),
    ],
    ids=["revoked", "expired", "deactivated", "unknown"],
)
@pytest.mark.parametrize("per_minute", [0, 60])
def test_a_token_that_is_not_valid_is_not_counted(
    digest: str, change: Callable[[], Any], per_minute: int
) -> None:
    change()

    assert api_tokens.valid(digest, per_minute=per_minute) is None
    assert not RateBucket.objects.exists()


def test_a_token_that_expires_later_is_valid(digest: str) -> None:
    ApiToken.objects.update(expiry=Now() + timedelta(minutes=1))

    assert api_tokens.valid(digest, per_minute=60) is not None


def test_without_a_limit_nothing_is_counted(digest: str) -> None:
    assert api_tokens.valid(digest, per_minute=0) is not None

    assert not RateBucket.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_are_admitted_as_often_as_the_limit_allows(digest: str) -> None:
    def is_admitted(_: int) -> bool:
        try:
            found = api_tokens.valid(digest, per_minute=1)
        finally:
            connection.close()
        assert found is not None
        return found[1]

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(is_admitted, range(60))) == 20
    assert 0 <= RateBucket.objects.get().left < 1
