"""The header of every page: its queues and links are those of the user."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import User
from tests import factories
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db


def test_only_operators_and_auditors_see_the_link_to_the_admin_site(
    desk: Desk, alice: User, victor: User
) -> None:
    assert "/admin/" not in desk(alice).get("/").content.decode()
    people.grant_site(victor, "auditor", by=COMMAND_LINE)
    assert 'href="/admin/"' in desk(victor).get("/").content.decode()


def test_the_header_has_the_first_eight_of_ones_own_queues(desk: Desk, alice: User) -> None:
    for number in range(9):
        people.grant(alice, factories.queue(f"own-{number}").slug, "viewer", by=COMMAND_LINE)
    factories.queue("hidden")

    page = desk(alice).get("/")

    queues = list(page.context["nav_queues"])
    assert len(queues) == 8
    assert "hidden" not in {queue.slug for queue in queues}


def test_a_page_that_shows_no_header_asks_for_none_of_it(client: Client, db: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(reverse("account_login")).status_code == 200

    assert not [one for one in asked.captured_queries if "approvals_reviewqueue" in one["sql"]]
