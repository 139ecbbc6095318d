"""The form of a decision: what it takes, and whose lease it holds."""

from __future__ import annotations

import pytest

from approvals.actions import assignment
from approvals.models import (
    Decision,
    User,
)
from approvals.records import database_time
from approvals.web.forms import DecisionForm, initial_form
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "fields",
    [{"version": "many"}, {"lease_id": "mine"}, {"reason": "x" * 33_000}, {"reason": "nul\0"}],
)
def test_a_form_that_cannot_be_is_422_and_keeps_what_it_can(
    desk: Desk, alice: User, fields: dict[str, str]
) -> None:
    review = factories.review()
    response = desk(alice).post(at(review, "reject"), fields)
    assert response.status_code == 422
    assert "This cannot be recorded" in response.content.decode()
    assert not Decision.objects.exists()


def test_only_the_holders_form_has_the_lease(alice: User, bob: User) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))

    assert (
        initial_form(review, actor(alice), database_time.now()).initial["lease_id"]
        == review.lease_id
    )
    assert "lease_id" not in initial_form(review, actor(bob), database_time.now()).initial


def test_a_reason_has_the_line_ends_of_unix_and_the_version_that_was_seen() -> None:
    form = DecisionForm({"reason": "One.\r\nTwo.", "version": "7", "override": "on"})

    assert form.is_valid()
    wanted = form.decision_request()
    assert (wanted.reason, wanted.version, wanted.override) == ("One.\nTwo.", 7, True)


def test_the_browser_asks_for_a_reason_where_the_queue_wants_one(alice: User) -> None:
    review = factories.review()

    for needed in (True, False):
        html = str(
            initial_form(review, actor(alice), database_time.now(), reason_needed=needed)["reason"]
        )
        assert (" required" in html) == needed
