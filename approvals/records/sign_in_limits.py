"""Limits of guessing passwords: token buckets in PostgreSQL by address, by account and by known device.

A limit slows guessing down and locks nobody out for good: its bucket refills evenly. What is counted is
named by the caller, who must not use an e-mail address: the names are stored as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from approvals.exceptions import Throttled
from approvals.records import rate_limits


@dataclass(frozen=True)
class Limit:
    """`burst` requests at once, and one more after each `seconds`."""

    name: str
    burst: int
    seconds: int


ADDRESS_ATTEMPTS = Limit("address-attempts", 30, 2)
ADDRESS_FAILURES = Limit("address-failures", 10, 6)
ACCOUNT_FAILURES = Limit("account-failures", 5, 60)
DEVICE_ATTEMPTS = Limit("device-attempts", 30, 2)
DEVICE_FAILURES = Limit("device-failures", 5, 60)
PASSWORD_CHANGES = Limit("password-changes", 5, 12)
LINKS_TO_ADDRESS = Limit("links-to-address", 20, 3)
LINKS_FOR_ACCOUNT = Limit("links-for-account", 5, 12)
LINKS_FOLLOWED = Limit("links-followed", 20, 3)


def count(limit: Limit, whom: str) -> None:
    """Count a request, outside a transaction. Raises Throttled, with the seconds until the next one."""
    if not rate_limits.admits(_name(limit, whom), per_second=1 / limit.seconds, burst=limit.burst):
        raise Throttled(retry_after=limit.seconds)


def give_back(limit: Limit, whom: str) -> None:
    """Take back what `count` has counted, because it was no failure."""
    rate_limits.give_back(_name(limit, whom), burst=limit.burst)


def _name(limit: Limit, whom: str) -> str:
    return f"sign-in:{limit.name}:{whom}"
