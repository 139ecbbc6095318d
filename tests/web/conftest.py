"""Clients that have signed in to the desk as somebody, and what the pages of orders need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
from approvals.records import wake_ups
from tests import factories
from tests.browser import orders as day

Desk = Callable[[User], Client]


@pytest.fixture
def desk() -> Desk:
    """`desk(alice)`: a browser in which Alice has signed in, strict about CSRF as browsers meet it."""

    def open_for(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return open_for


@pytest.fixture
def machine(settings: Settings) -> None:
    """The order workflow is configured."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = day.MACHINE


@pytest.fixture
def wake_ups_sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The wake-ups that were sent."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(wake_ups, "after_commit", lambda *wake_up, **_: sent.append(wake_up))
    return sent


@pytest.fixture
def olga(queue: ReviewQueue) -> User:
    """A user with the right to orders, and a reviewer in the queue."""
    keeper = factories.user("olga@example.com", "reviewer", queue)
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    return keeper


@pytest.fixture
def browser(desk: Desk, olga: User) -> Client:
    """A browser in which Olga has signed in."""
    return desk(olga)
