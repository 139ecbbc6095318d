"""What a page reads: few statements, however many queues and rows there are, and rights as they are stored."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries

from approvals import policy
from approvals.actions import assignment, decisions, discussion, people, preferences
from approvals.actors import COMMAND_LINE, SYSTEM, Actor
from approvals.exceptions import NotFound
from approvals.models import Breaker, OutboxEntry, QueueMembership, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome, Surface
from approvals.orchestration import fulfillment
from approvals.policy import Action
from approvals.web.access import Access
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db

MOST = 8


def statements(browser: Client, address: str) -> int:
    """How many statements a page sends; fails unless it is shown."""
    with CaptureQueriesContext(connection) as sent:
        assert browser.get(address).status_code == 200
    return len(sent)


@pytest.fixture(
    params=[(1, 1), (20, 1), (1, 50), (20, 50)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def busy(request: pytest.FixtureRequest, queue: ReviewQueue, olga: User, machine: None) -> User:
    """Somebody with so many queues, each with so many open reviews, and as many decisions and orders."""
    queues, rows = request.param
    for number in range(1, queues):
        other = factories.queue(f"queue-{number}")
        people.grant(olga, other.slug, "lead", by=COMMAND_LINE)
        open_reviews(other, 2)
    decided = open_reviews(queue, min(rows, 6))
    for review in decided:
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(olga))
    open_reviews(queue, rows)
    for review in ReviewTask.objects.pending().filter(queue=queue)[: min(rows, 25)]:
        assignment.claim(review.pk, by=actor(olga))
        discussion.comment(review.pk, "Seen.", by=actor(olga))
    for number in range(rows):
        fulfillment.start_order_fulfillment({"order_id": f"O-{number}"}, by=actor(olga))
    return olga


def test_a_page_sends_at_most_eight_statements(desk: Desk, busy: User, queue: ReviewQueue) -> None:
    browser = desk(busy)
    held = ReviewTask.objects.filter(assignee=busy).first()
    decided = ReviewTask.objects.exclude(decision=None).first()
    assert held is not None
    assert decided is not None
    found = ReviewTask.objects.filter(queue=queue).values_list("reference", flat=True)[0]

    sent = {
        address: statements(browser, address)
        for address in (
            "/",
            "/?q=nothing",
            f"/queues/{queue.slug}/",
            f"/queues/{queue.slug}/?status=any&q={found}",
            f"/reviews/{held.pk}/",
            f"/reviews/{decided.pk}/",
            "/orders/",
            "/orders/?q=O-",
            "/orders/batches/",
        )
    }

    assert {address: count for address, count in sent.items() if count > MOST} == {}


def test_an_outage_of_many_queues_costs_one_statement_more(desk: Desk, busy: User) -> None:
    browser = desk(busy)
    before = statements(browser, "/orders/")
    for queue in ReviewQueue.objects.all():
        Breaker.objects.update_or_create(queue=queue, defaults={"opened_at": queue.created_at})

    assert statements(browser, "/orders/") == before + 1 <= MOST


def test_a_review_that_came_too_late_and_was_superseded_costs_no_more(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    old, new = factories.review(queue), factories.review(queue)
    decisions.decide(old.pk, Outcome.APPROVED, by=actor(alice))
    ReviewTask.objects.filter(pk=old.pk).update(superseded_by=new)
    OutboxEntry.objects.update(state="settled", detail="other_party", ended_at=Now())
    browser = desk(alice)

    page = browser.get(f"/reviews/{old.pk}/").content.decode()

    assert f"/reviews/{new.pk}/" in page
    assert statements(browser, f"/reviews/{old.pk}/") <= MOST


@pytest.mark.parametrize("role", ["viewer", "reviewer", "lead", None])
@pytest.mark.parametrize("through_a_group", [False, True])
@pytest.mark.parametrize("site", [None, "orders", "auditor", "operator"])
def test_it_answers_what_the_policy_answers(
    queue: ReviewQueue, role: str | None, through_a_group: bool, site: str | None
) -> None:
    ada = factories.user("ada@example.com")
    factories.user("bob@example.com", "lead", queue)
    if site:
        people.grant_site(ada, site, by=COMMAND_LINE)
    if role and through_a_group:
        group = Group.objects.create(name="night shift")
        ada.groups.add(group)
        QueueMembership.objects.create(group=group, queue=queue, role=role)
    elif role:
        people.grant(ada, queue.slug, role, by=COMMAND_LINE)
    review, by = factories.review(queue), actor(ada)

    access = Access(by)

    for action in Action:
        subjects: list[Any] = [None, queue, review]
        for subject in subjects:
            assert access.may(action, subject) == policy.may(action, subject, by=by)


def test_a_queue_that_is_hidden_is_not_there(queue: ReviewQueue, alice: User, carol: User) -> None:
    assert Access(actor(alice)).queue(queue.slug) == queue
    for slug in (queue.slug, "no-such-queue"):
        with pytest.raises(NotFound):
            Access(actor(carol)).queue(slug)


def test_an_account_that_is_not_active_or_nobody_has_no_access(
    queue: ReviewQueue, alice: User
) -> None:
    alice.is_active = False

    for by in (actor(alice), SYSTEM):
        assert Access(by).queues == []
        assert not any(Access(by).may(action, queue).allowed for action in Action)


def test_what_is_known_of_somebody_without_a_queue_takes_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    person = factories.user("audrey@example.com")
    people.grant_site(person, "auditor", by=COMMAND_LINE)
    preferences.save(by=actor(person), time_zone="Asia/Tokyo")
    access = Access(actor(person))
    assert access.queues == []

    with django_assert_num_queries(1):
        assert access.groups == {"auditor"}
        assert str(access.zone) == "Asia/Tokyo"
        assert access.now.tzinfo is not None
    assert Access(Actor(None, Surface.WEB)).groups == frozenset()
