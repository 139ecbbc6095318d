"""Which queues, reviews and orders somebody sees."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from approvals import policy, visibility
from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution, ReviewQueue, ReviewTask, User
from approvals.policy import Action
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db
NOBODY: Any = AnonymousUser()  # somebody who has not signed in


def test_everybody_sees_the_queues_and_reviews_of_their_roles_and_no_other(
    review: ReviewTask, victor: User, alice: User, carol: User
) -> None:
    other = factories.review(ReviewQueue.objects.get(slug="refunds"))

    assert list(visibility.visible_reviews(actor(victor))) == [review]
    assert list(visibility.visible_reviews(actor(carol))) == [other]
    assert [queue.slug for queue in visibility.visible_queues(actor(alice))] == ["manual-review"]
    assert not visibility.decidable_queues(actor(victor)).exists()
    assert list(visibility.decidable_queues(actor(alice))) == [review.queue]
    assert not visibility.visible_reviews(actor(NOBODY)).exists()


def test_an_order_is_seen_by_those_with_a_right_to_orders(carol: User) -> None:
    order = OrderExecution(order_id="1")

    assert policy.may(Action.SEE, order, by=actor(carol)).code == "not_allowed"
    people.grant_site(carol, "auditor", by=COMMAND_LINE)
    assert policy.may(Action.SEE, order, by=actor(carol)).allowed
    assert not policy.may(Action.INTERVENE_IN_ORDERS, order, by=actor(carol)).allowed
