"""Each filter of a queue's list in each of its orders: on the page, and in the file that is exported."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, discussion
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.web import pagination, review_export
from approvals.web.review_filter_set import ReviewFilter
from approvals.web.review_filters import ORDERS
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import references

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"
ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:the-one"
COUNT = 12


class Data:
    """Reviews of a queue, some of which have what each filter looks for."""

    def __init__(self, queue: ReviewQueue, alice: User, bob: User) -> None:
        self.rows = [
            factories.review(queue, orderId=f"V-{n}", timeoutSeconds=40_000 + 1_000 * (n * 7 % 12))
            for n in range(COUNT)
        ]
        for n, row in enumerate(self.rows):
            ReviewTask.objects.filter(pk=row.pk).update(
                amount=[None, Decimal("12.5"), Decimal(-3), Decimal(700)][n % 4],
                priority=n % 3,
                customer=["Grace", "Ada", ""][n % 3],
                error_name=["Fraud", "Stock"][n % 2],
                received_at=Now() - timedelta(minutes=17 * (n * 5 % 12)),
                snoozed_until=Now() + timedelta(hours=1) if n % 5 == 0 else None,
                execution_arn=ARN if n == 3 else row.execution_arn,
                status="unproved" if n in (10, 11) else "pending",
            )
        for n in (1, 2, 6):
            assignment.claim(self.rows[n].pk, by=actor(bob if n == 6 else alice))
        ReviewTask.objects.filter(pk=self.rows[4].pk).update(
            deadline_at=Now() + timedelta(minutes=10)
        )
        ReviewTask.objects.filter(pk=self.rows[7].pk).update(
            deadline_at=Now() - timedelta(minutes=10)
        )
        ReviewTask.objects.filter(pk=self.rows[8].pk).update(escalated_to=queue)
        discussion.comment(self.rows[9].pk, "She called about the Parcel.", by=actor(alice))
        self.rows = list(ReviewTask.objects.filter(queue=queue).order_by("id"))
        self.by_reference = {row.reference: int(row.reference[2:]) for row in self.rows}


# By filter, a value and the numbers of the open reviews that it leaves; unproved ones stand beside them.
FILTERS: dict[str, tuple[str, Callable[[int], bool]]] = {
    "q": ("parcel", lambda n: n == 9),
    "status": ("unproved", lambda n: n in (10, 11)),
    "assignee": ("nobody", lambda n: n not in (1, 2, 6)),
    "due": ("15m", lambda n: n in (4, 7)),
    "age": ("1h", lambda n: 17 * (n * 5 % 12) > 60),
    "reference": ("V-5", lambda n: n == 5),
    "customer": ("Grace", lambda n: n % 3 == 0),
    "error": ("Stock", lambda n: n % 2 == 1),
    "amount_from": ("0", lambda n: n % 4 in (1, 3)),
    "amount_to": ("12.5", lambda n: n % 4 in (1, 2)),
    "priority": ("1", lambda n: n % 3 >= 1),
    "snoozed": ("yes", lambda n: n % 5 == 0),
    "escalated": ("no", lambda n: n != 8),
}
MORE: dict[str, tuple[str, Callable[[int], bool]]] = {
    "assignee": ("me", lambda n: n in (1, 2)),
    "q": (ARN, lambda n: n == 3),
    "snoozed": ("no", lambda n: n % 5 != 0),
}


@pytest.fixture
def data(queue: ReviewQueue, alice: User, bob: User) -> Data:
    return Data(queue, alice, bob)


def in_order(rows: list[ReviewTask], sort: str) -> list[str]:
    """The references in this order, by the values of the rows."""
    keys: dict[str, Callable[[ReviewTask], Any]] = {
        "deadline": lambda row: (row.deadline_at, row.pk),
        "-deadline": lambda row: (row.deadline_at, row.pk),
        "arrival": lambda row: (row.received_at, row.pk),
        "-arrival": lambda row: (row.received_at, row.pk),
        "priority": lambda row: (-row.priority, row.deadline_at, row.pk),
        "amount": lambda row: (row.amount if row.amount is not None else Decimal("-inf"), row.pk),
    }
    found = sorted(rows, key=keys[sort], reverse=sort.startswith("-") or sort == "amount")
    return [row.reference for row in found]


def test_every_filter_is_tried_here() -> None:
    assert FILTERS.keys() == ReviewFilter.base_filters.keys() - {"sort"}


@pytest.mark.parametrize("sort", ORDERS)
def test_each_filter_in_each_order_is_listed_or_exported_as_its_values_say(
    desk: Desk, data: Data, alice: User, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_export, "PIECE", 3)
    monkeypatch.setattr(review_export, "MAX_ROWS", 30)
    browser = desk(alice)
    start = list(ORDERS).index(sort)  # of two filters, one is listed and one exported, by turns
    for turn, (name, (value, fits)) in enumerate([*FILTERS.items(), *MORE.items()], start=start):
        query = {name: value, "sort": sort}
        # The amounts of closed reviews are in no order; they come by arrival.
        order = "-arrival" if (name, sort) == ("status", "amount") else sort
        status = value if name == "status" else "pending"
        numbered = [row for row in data.rows if fits(data.by_reference[row.reference])]
        expected = in_order([row for row in numbered if row.status == status], order)
        assert expected, name

        if turn % 2:
            answer: Any = browser.post(f"{LIST}export/", query)
            file = io.StringIO(answer.getvalue().decode())
            assert [row["reference"] for row in csv.DictReader(file)] == expected, query
            continue
        with CaptureQueriesContext(connection) as asked:
            page = browser.get(LIST, query).content.decode()
        assert len(asked) <= 8, query
        assert references(page) == expected, query
        many = "" if len(expected) == 1 else "s"
        kind = "" if name == "status" else "open "
        assert f"{len(expected)} {kind}review{many} with these filters" in page, query
        assert f'<a class="chip" href="{LIST}?sort={sort}">' in page, query


def test_all_that_a_filter_finds_is_what_a_bulk_decision_previews(
    desk: Desk, data: Data, alice: User
) -> None:
    browser = desk(alice)
    for turn, (name, (value, fits)) in enumerate([*FILTERS.items(), *MORE.items()]):
        if name == "status":
            continue
        sort = list(ORDERS)[turn % len(ORDERS)]
        query = {name: value, "sort": sort, "all": "yes", "outcome": "approved"}
        page = browser.get(f"{LIST}bulk/", query).content.decode()
        hidden = dict(re.findall(r'name="(rows|left_out)" value="([^"]*)"', page))
        ids = {word.partition(".")[0] for word in " ".join(hidden.values()).split()}
        left = {
            str(row.pk)
            for row in data.rows
            if row.status == "pending" and fits(data.by_reference[row.reference])
        }
        assert ids == left, query


def test_two_filters_leave_what_both_leave_and_each_can_be_taken_off(
    desk: Desk, data: Data, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "PAGE_SIZE", 50)
    browser = desk(alice)
    names = [name for name in FILTERS if name != "status"]
    for first, second in zip(names, [*names[1:], names[0]], strict=True):
        query = {first: FILTERS[first][0], second: FILTERS[second][0]}
        left = [
            row
            for row in data.rows
            if row.status == "pending"
            and all(FILTERS[name][1](data.by_reference[row.reference]) for name in query)
        ]
        page = browser.get(LIST, query).content.decode()
        assert references(page) == in_order(left, "deadline"), query
        assert page.count('class="chip"') == 2
        for name, value in query.items():
            assert f'href="{LIST}?{name}={value}"' in page


def test_one_search_finds_a_review_by_whatever_is_known_of_it_at_home_and_in_the_list(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue, orderId="ZX-100/b", title="Refund of a lamp")
    for _ in range(2):
        factories.review(queue)
    rows = ReviewTask.objects.filter(pk=review.pk)
    rows.update(execution_arn=ARN, customer="Søren Ü", amount="-1234.5", error_name="Odd.Error")
    discussion.comment(review.pk, "50% off_ was promised", by=actor(alice))
    browser = desk(alice)
    known = ["zx", "ZX-1", "x-100/B", "LAMP", "søren ü", "SØREN", "odd.err", ARN, "50% off_"]
    for text in [*known, "-1234.50", "-1,234.5", str(review.pk), str(review.pk).upper()]:
        listed = references(browser.get(LIST, {"q": f" {text} "}).content.decode())
        assert listed == ["ZX-100/b"], text
        answer = browser.get("/", {"q": text})
        found = references(answer.content.decode()) if answer.status_code == 200 else None
        assert found == ["ZX-100/b"] if found is not None else str(review.pk) in answer["Location"]
    for text in ("zx_100", "ZX%", "12345", "50_ off", ARN[:-1], "s\u00f8ren x"):
        assert references(browser.get(LIST, {"q": text}).content.decode()) == [], text


@pytest.mark.parametrize("digits", [8, 9, 12, 13, 23, 35])
def test_the_beginning_of_an_id_finds_its_review_from_eight_digits_on(
    desk: Desk, queue: ReviewQueue, alice: User, digits: int
) -> None:
    review = factories.review(queue)
    browser = desk(alice)
    start = str(review.pk)[:digits]
    for text in (start, start.upper(), start.replace("-", "")):
        for path in ("/", LIST):
            assert references(browser.get(path, {"q": text}).content.decode()) == [
                review.reference
            ], (path, text)
    assert references(browser.get(LIST, {"q": str(review.pk)[:7]}).content.decode()) == []
