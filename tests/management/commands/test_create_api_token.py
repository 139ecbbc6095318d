"""`create_api_token`: the token alone, of which only a digest is stored."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

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


def test_a_new_token_expires_after_a_year_and_the_command_says_when(alice: User) -> None:
    said = io.StringIO()
    call_command(
        "create_api_token", alice.email, "--name", "laptop", stdout=io.StringIO(), stderr=said
    )

    expiry = ApiToken.objects.get(user=alice).expiry
    assert timedelta(days=364) < expiry - timezone.now() <= timedelta(days=365)
    assert f"It expires on {expiry:%Y-%m-%d}." in said.getvalue()


def test_with_0_days_a_token_is_valid_until_it_is_revoked(alice: User, settings: Settings) -> None:
    settings.API_TOKEN_DAYS = 0
    run("create_api_token", alice.email, "--name", "laptop")

    assert ApiToken.objects.get(user=alice).expiry is None
