"""What a caller may not see is not there: in no list, and at no address."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, decisions, escalation, people, queues
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


def test_the_usual_page_is_that_of_any_other_size_with_the_queues_and_holders_of_its_reviews(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    """Its statement is composed once; a page of another size is composed for its request."""
    other = factories.queue("other")
    people.grant(alice, other.slug, "viewer", by=COMMAND_LINE)
    for number in range(52):
        factories.review(queue if number % 3 else other, timeoutSeconds=900 + number)
    held = factories.review(queue, timeoutSeconds=600)
    assignment.claim(held.pk, by=actor(alice))

    for narrowed in ({}, {"queue": "other"}, {"queue": "manual-review"}):
        usual = api.get("reviews/", narrowed).json()
        larger = api.get("reviews/", narrowed | {"page_size": 60}).json()
        assert usual["results"] == larger["results"][:50]
        assert larger["next"] is None
    usual = api.get("reviews/").json()
    assert {row["queue"] for row in usual["results"]} == {"manual-review", "other"}
    assert usual["results"][0]["assignee"] == alice.email
    cursor = parse_qs(urlsplit(usual["next"]).query)["cursor"][0]
    rest = api.get("reviews/", {"cursor": cursor}).json()
    assert len(rest["results"]) == 3


def test_a_review_from_a_queue_that_the_caller_does_not_see_is_listed_with_it_at_no_cost_a_row(
    api: Caller, queue: ReviewQueue
) -> None:
    hidden = factories.queue("hidden")
    queues.save(hidden.slug, {"escalate_to": queue}, by=COMMAND_LINE)
    person = factories.user("hidden@example.com", "reviewer", hidden)

    api.get("reviews/")  # notes that the token was used
    counts = []
    for _ in range(2):
        escalation.escalate(factories.review(hidden).pk, "Above my limit.", by=actor(person))
        with CaptureQueriesContext(connection) as asked:
            listed = api.get("reviews/", {"escalated_to": queue.slug}).json()["results"]
        assert {(row["queue"], row["escalated_to"]) for row in listed} == {("hidden", queue.slug)}
        counts.append(len(asked))

    assert counts[0] == counts[1]
