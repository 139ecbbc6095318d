"""Paging: every row once and none twice, both ways, among ties and while rows come and go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.actions import decisions, intake, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

AT = datetime(2031, 1, 1, tzinfo=UTC)


def fill(queue: ReviewQueue, number: int) -> None:
    """Let so many reviews come."""
    intake.accept(queue, [factories.received() for _ in range(number)])


def tie(ties: int = 3) -> None:
    """Let reviews share their deadlines, arrivals and priorities, `ties` at a time."""
    for place, row in enumerate(ReviewTask.objects.order_by("pk")):
        same = AT.replace(minute=place // ties)
        row.deadline_at = row.received_at = same
        row.priority = place // ties
        row.save()


def walk(
    api: Caller, link: str, way: str = "next", during: Callable[[], None] = lambda: None
) -> list[list[str]]:
    """The ids of each page from a link on; `during` is called after each page."""
    pages = []
    while link:
        page = api.get(link).json()
        pages.append([shown["id"] for shown in page["results"]])
        link = page[way]
        during()
    return pages


@pytest.mark.parametrize("ordering", ["deadline", "-received_at", "-priority"])
@pytest.mark.parametrize("size", [1, 4, 11, 200])
def test_each_way_shows_every_row_once(
    api: Caller, queue: ReviewQueue, ordering: str, size: int
) -> None:
    fill(queue, 11)
    tie()
    first = f"reviews/?ordering={ordering}&page_size={size}"

    forwards = walk(api, first)
    last = first
    while following := api.get(last).json()["next"]:
        last = following
    backwards = walk(api, last, "previous")

    assert len({row for page in forwards for row in page}) == 11
    assert sum(map(len, forwards)) == 11
    assert backwards == forwards[::-1] if 11 % size == 0 else sum(map(len, backwards)) == 11
    assert [row for page in backwards[::-1] for row in page] == [
        row for page in forwards for row in page
    ]


def test_rows_that_come_and_go_meanwhile_disturb_nobody(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    fill(queue, 9)
    tie()
    there = {str(pk) for pk in ReviewTask.objects.values_list("pk", flat=True)}
    gone: set[str] = set()

    def disturb() -> None:
        fill(queue, 2)
        newest = ReviewTask.objects.order_by("-pk")[:2]
        ReviewTask.objects.filter(pk__in=[row.pk for row in newest]).update(
            deadline_at=AT, received_at=AT
        )
        victim = ReviewTask.objects.pending().filter(pk__in=there).order_by("-pk").first()
        if victim and not gone:
            decisions.decide(victim.pk, Outcome.APPROVED, by=actor(alice))
            gone.add(str(victim.pk))

    seen = [row for page in walk(api, "reviews/?page_size=4", during=disturb) for row in page]

    assert len(seen) == len(set(seen))
    assert there - gone <= set(seen)


def test_a_page_whose_rows_have_gone_is_empty_and_ends_the_walk(
    api: Caller, queue: ReviewQueue
) -> None:
    fill(queue, 3)
    first = api.get("reviews/", {"page_size": 2}).json()
    ReviewTask.objects.update(status="expired")

    page = api.get(first["next"]).json()

    assert page == {"results": [], "next": None, "previous": None}


def test_links_keep_the_filters(api: Caller, queue: ReviewQueue) -> None:
    fill(queue, 2)

    link = api.get("reviews/", {"page_size": 1, "queue": "manual-review"}).json()["next"]

    asked = parse_qs(urlsplit(link).query)
    assert (asked["queue"], asked["page_size"]) == (["manual-review"], ["1"])


def test_a_bent_cursor_is_refused_at_every_letter(api: Caller, queue: ReviewQueue) -> None:
    fill(queue, 2)
    link = api.get("reviews/", {"page_size": 1}).json()["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]

    bent = [
        cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :]
        for place, letter in enumerate(cursor[:-1])
    ]

    for one in [*bent, cursor + "x", cursor[:5], "é", "\u0665", ":", "x" * 1001]:
        problem = refused(api.get("reviews/", {"cursor": one}), 422, "invalid")
        assert problem["parameter"] == "cursor"


def test_a_cursor_of_another_order_or_list_is_refused(
    api: Caller, queue: ReviewQueue, review: ReviewTask
) -> None:
    fill(queue, 2)
    link = api.get("reviews/", {"page_size": 1}).json()["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]

    refused(api.get("reviews/", {"ordering": "-priority", "cursor": cursor}), 422, "invalid")
    refused(api.get(f"reviews/{review.pk}/events/", {"cursor": cursor}), 422, "invalid")


@pytest.mark.parametrize("path", ["reviews/?status=any&page_size=200", "queues/"])
def test_a_longer_list_costs_no_more_queries(
    api: Caller, alice: User, queue: ReviewQueue, path: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert api.get(path).status_code == 200
        return len(asked)

    decisions.decide(factories.review(queue).pk, Outcome.APPROVED, by=actor(alice))
    fill(queue, 1)
    api.get(path)
    few = cost()
    for _ in range(3):
        decisions.decide(factories.review(queue).pk, Outcome.APPROVED, by=actor(alice))
    fill(queue, 20)

    assert cost() == few <= 6


def close(queue: ReviewQueue, alice: User, number: int) -> None:
    """Let so many reviews come and be decided, every second one rejected."""
    for place in range(number):
        outcome = (Outcome.APPROVED, Outcome.REJECTED)[place % 2]
        decisions.decide(factories.review(queue).pk, outcome, by=actor(alice))


@pytest.mark.parametrize("ordering", ["deadline", "-received_at", "-priority", ""])
@pytest.mark.parametrize("status", ["any", "approved,rejected", "pending", "rejected"])
def test_reviews_of_several_queues_and_statuses_come_in_one_order(
    api: Caller, alice: User, queue: ReviewQueue, ordering: str, status: str
) -> None:
    other = factories.queue("refunds")
    people.grant(alice, "refunds", "reviewer", by=COMMAND_LINE)
    for each in (queue, other):
        close(each, alice, 4)
        fill(each, 3)
    tie()
    first = f"reviews/?ordering={ordering}&status={status}&page_size=3"

    pages = walk(api, first)

    default = "deadline" if status == "pending" else "-received_at"
    keys = {
        "deadline": ["deadline_at", "id"],
        "-received_at": ["-received_at", "-id"],
        "-priority": ["-priority", "deadline_at", "id"],
    }[ordering or default]
    named = {"any": ["pending", "approved", "rejected"]}.get(status, status.split(","))
    expected = ReviewTask.objects.filter(status__in=named).order_by(*keys)
    assert [row for page in pages for row in page] == [str(row.pk) for row in expected]


def test_a_cursor_of_the_default_order_that_closed_reviews_had_before_is_refused(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    close(queue, alice, 3)
    by_deadline = "reviews/?status=approved&ordering=deadline&page_size=1"
    link = api.get(by_deadline).json()["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]

    problem = refused(api.get("reviews/", {"status": "approved", "cursor": cursor}), 422, "invalid")

    assert problem["parameter"] == "cursor"
