"""Fixtures of the admin site: an operator, an auditor, a user without rights, their browsers, and rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.models import (
    ReviewQueue,
    User,
)
from tests import factories
from tests.admin.rows import Rows, operator, ordered, parked, quarantined

Enter = Callable[[User], Client]


@pytest.fixture
def enter() -> Enter:
    """`enter(oscar)`: a browser in which Oscar has signed in."""

    def open_for(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return open_for


@pytest.fixture
def oscar(db: None) -> User:
    """An operator, with a role in no queue."""
    return operator("oscar@example.com")


@pytest.fixture
def audrey(db: None) -> User:
    """An auditor, with a role in no queue."""
    user = factories.user("audrey@example.com")
    people.grant_site(user, "auditor", by=COMMAND_LINE)
    return user


@pytest.fixture
def stan(db: None) -> User:
    """Somebody with no right at all."""
    return factories.user("stan@example.com")


@pytest.fixture
def rows(queue: ReviewQueue, alice: User) -> Rows:
    """A review that waits, one whose callback is parked, a quarantined message, an order."""
    review = factories.review(queue, orderId="ORD-OPEN")
    credentials.issue_token(alice, "nightly", by=COMMAND_LINE)
    credentials.issue_secret("shop", by=COMMAND_LINE)
    return Rows(queue, review, quarantined(queue), parked(queue, alice), ordered(alice))


@pytest.fixture
def browser(enter: Enter, oscar: User) -> Client:
    """The operator's browser."""
    return enter(oscar)
