"""What a caller may not see is not there: in no list, and at no address."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.actions import decisions, escalation, queues
from approvals.actors import COMMAND_LINE
from approvals.models import Decision, QueueMembership, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.api.routes import ask
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "route", ["read", "events", "claim", "renew", "release", "decide", "undo", "next"]
)
def test_what_is_hidden_answers_like_what_is_not_there(
    call: Callable[..., Caller], carol: User, alice: User, queue: ReviewQueue, route: str
) -> None:
    decided = decisions.decide(factories.review(queue).pk, Outcome.APPROVED, by=actor(alice))
    hidden_review = factories.review(queue)
    caller = call(carol)

    hidden = ask(caller, route, hidden_review.pk, decided.decision_id)
    missing = ask(caller, route, uuid.uuid4(), uuid.uuid4())

    assert refused(hidden, 404, "not_found") == refused(missing, 404, "not_found")


def test_what_is_hidden_is_in_no_list(
    call: Callable[..., Caller], carol: User, queue: ReviewQueue
) -> None:
    factories.review(queue, orderId="secret")
    caller = call(carol)

    for query in ({}, {"queue": "manual-review"}, {"q": "secret"}, {"reference": "secret"}):
        assert caller.get("reviews/", query).json()["results"] == []


def test_a_list_asks_for_the_callers_roles_once(api: Caller, review: ReviewTask) -> None:
    """The reviews are then asked for by the ids of queues: subqueries cost more than the rows."""
    with CaptureQueriesContext(connection) as asked:
        listed = api.get("reviews/").json()["results"]

    assert [row["id"] for row in listed] == [str(review.pk)]
    assert sum("approvals_queuemembership" in each["sql"] for each in asked) == 1


def test_rights_end_with_the_role(api: Caller, alice: User, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/claim/")
    QueueMembership.objects.filter(user=alice).delete()

    refused(api.get(f"reviews/{review.pk}/"), 404, "not_found")
    refused(api.post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"}), 404, "not_found")
    assert not Decision.objects.exists()


def test_a_list_of_escalated_reviews_keeps_to_the_queue_that_was_asked_for(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    first, second = factories.queue("first"), factories.queue("second")
    expected = {}
    for each in (first, second):
        queues.save(each.slug, {"escalate_to": queue}, by=COMMAND_LINE)
        person = factories.user(f"{each.slug}@example.com", "reviewer", each)
        review = factories.review(each)
        escalation.escalate(review.pk, "Above my limit.", by=actor(person))
        expected[each.slug] = [str(review.pk)]
    asked = {"escalated_to": queue.slug}

    for slug, ids in {**expected, "elsewhere": []}.items():
        listed = api.get("reviews/", asked | {"queue": slug}).json()["results"]
        assert [row["id"] for row in listed] == ids
    assert len(api.get("reviews/", asked).json()["results"]) == 2
    # `next` stays in its queue, but for what was escalated to that queue.
    assert api.post(f"queues/{queue.slug}/next/?escalated_to=first").status_code == 204
    assert api.post(f"queues/{queue.slug}/next/?escalated_to={queue.slug}").status_code == 200
