"""Accounts are made by operators alone, and sign-in is limited by the caller's own address."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from approvals.models import User
from tests import factories

pytestmark = pytest.mark.django_db


def test_nobody_signs_up(client: Client, db: None) -> None:
    client.post(
        "/accounts/signup/",
        {
            "email": "eve@example.com",
            "password1": factories.PASSWORD,
            "password2": factories.PASSWORD,
        },
    )
    assert not User.objects.filter(email="eve@example.com").exists()


PROXY = "10.0.0.7"


def failures(address: str, count: int = 11) -> str:
    """What the last of so many failed sign-ins reads; each for another account."""
    page = ""
    for number in range(count):
        response = Client().post(
            reverse("account_login"),
            {"login": f"person-{number}@example.com", "password": "wrong"},
            REMOTE_ADDR=PROXY,
            headers={"X-Forwarded-For": address.replace("#", str(number))} if address else {},
        )
        page = response.content.decode()
    return page


def test_behind_a_proxy_each_caller_has_a_limit_of_their_own(settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert "Too many attempts" in failures("203.0.113.9")
    assert "Too many attempts" not in failures("203.0.113.10", count=1)


def test_a_forged_entry_does_not_evade_the_limit(settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert "Too many attempts" in failures("198.51.100.#, 203.0.113.9")


@pytest.mark.parametrize("header", ["", " ", "unknown", "for=me#"])
def test_without_a_usable_address_the_proxys_own_counts(settings: Settings, header: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert "not correct" in failures(header, count=1)
    assert "Too many attempts" in failures(header)
