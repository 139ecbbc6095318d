"""One client has one address, however it is spelt, and one limit in every part of the service."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.request import Request

from approvals.api import rate_limits
from approvals.web.account_adapter import ClosedAccountAdapter
from config import client_addresses

SPELLINGS = [
    ("203.0.113.9", "203.0.113.9"),
    ("203.0.113.9:5000", "203.0.113.9"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("::FFFF:cb00:7109", "203.0.113.9"),
    ("[::ffff:203.0.113.9]:5000", "203.0.113.9"),
    ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
    ("[2001:0db8:0:1::8]:443", "2001:db8:0:1::/64"),
    ("2001:db8:0:1::7%eth0", "2001:db8:0:1::/64"),
    ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
]


@pytest.mark.parametrize(("seen", "counted"), SPELLINGS)
@pytest.mark.parametrize("proxies", [0, 1])
def test_the_api_and_signing_in_count_a_client_by_the_same_address(
    rf: RequestFactory, settings: Settings, seen: str, counted: str, proxies: int
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    last = seen.rsplit(", ", maxsplit=1)[-1]
    headers = {"X-Forwarded-For": seen if proxies else "192.0.2.200"}
    request = rf.get("/", REMOTE_ADDR="10.0.0.7" if proxies else last, headers=headers)

    assert ClosedAccountAdapter(request).network_of(request) == counted
    assert rate_limits.address(Request(request)) == counted


@pytest.mark.parametrize(
    "seen",
    ["", " ", "unknown", "for=me", "1.2.3.4.5", "x" * 9_000, "203.0.113.9, ", "::ffff:", "\0"],
)
def test_what_is_no_address_counts_as_the_proxy(seen: str) -> None:
    meta = {"HTTP_X_FORWARDED_FOR": seen, "REMOTE_ADDR": "::ffff:10.0.0.7"}

    assert client_addresses.address(meta, proxies=1) == "10.0.0.7"
    assert client_addresses.network(meta, proxies=1) == "10.0.0.7"


@pytest.mark.parametrize("direct", [None, "", "unknown"])
def test_a_connection_without_an_address_has_a_limit_too(direct: str | None) -> None:
    assert client_addresses.network({"REMOTE_ADDR": direct}, proxies=0) == "unknown"


def test_allauths_own_limits_tell_mapped_addresses_apart(rf: RequestFactory) -> None:
    adapter = ClosedAccountAdapter()
    found = [
        adapter.get_client_ip(rf.get("/", REMOTE_ADDR=f"::ffff:203.0.113.{number}"))
        for number in (8, 9)
    ]

    assert found == ["203.0.113.8", "203.0.113.9"]
