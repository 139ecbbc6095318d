"""The desk through its addresses: clients that have signed in as somebody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from approvals.models import User

Desk = Callable[[User], Client]


@pytest.fixture
def desk() -> Desk:
    """`desk(alice)`: a browser in which Alice has signed in, strict about CSRF as browsers meet it."""

    def open_for(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return open_for
