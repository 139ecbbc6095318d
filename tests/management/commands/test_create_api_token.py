"""`create_api_token`: the token alone, of which only a digest is stored."""

from __future__ import annotations

import re

import pytest

from approvals.models import (
    ApiToken,
    User,
)
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


def test_create_api_token_prints_the_token_alone_and_stores_only_its_digest(alice: User) -> None:
    token = run("create_api_token", alice.email, "--name", "laptop").strip()

    stored = ApiToken.objects.get(user=alice)
    assert re.fullmatch(r"\w{64}", token)
    assert token not in {stored.digest, stored.token_key}
    assert "laptop" in refused("create_api_token", alice.email, "--name", "laptop")
