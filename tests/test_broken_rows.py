"""A row that cannot be shown stands for itself alone, in every list of every surface."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from approvals import broken_rows
from approvals.actions import assignment, discussion
from approvals.actors import COMMAND_LINE
from approvals.admin import formatting, reviews
from approvals.api import presentation
from approvals.models import OrderExecution, ReviewQueue, ReviewTask, User
from approvals.orchestration import fulfillment
from approvals.untrusted import display
from approvals.web import deadlines, orders, review_rows, timeline
from tests import factories
from tests.callers import Caller
from tests.factories import actor
from tests.paths import ROOT
from tests.web.conftest import machine, olga
from tests.web.reviews import open_reviews, review_of

pytestmark = pytest.mark.django_db
__all__ = ["machine", "olga"]
Found = list[dict[str, Any]]


def breaks(function: Callable[..., Any], *, at: Any) -> Callable[..., Any]:
    """The same function, which raises if its first argument, or what that holds, is `at`."""

    def broken(first: Any, *rest: Any, **named: Any) -> Any:
        if at in (first, getattr(first, "pk", None), getattr(first, "kind", None)):
            raise RuntimeError(f"a text with {at} that no log may hold")
        return function(first, *rest, **named)

    return broken


@pytest.mark.parametrize("total", ["1E1000000", "-1E1000000", "1E-1000000", "9" * 4_000, "sNaN"])
def test_a_number_out_of_all_proportion_breaks_no_page(
    client: Client, alice: User, queue: ReviewQueue, total: str
) -> None:
    body = factories.message(orderId="ODD", input={"total": total, "currency": "EUR"})
    odd = review_of(body)
    client.force_login(alice)
    assignment.claim(odd.pk, by=actor(alice))
    for path in (
        "/",
        f"/queues/{queue.slug}/",
        f"/reviews/{odd.pk}/",
        "/admin/approvals/reviewtask/",
    ):
        response = client.get(path)
        assert response.status_code in (200, 403), path
        assert "cannot be shown" not in response.content.decode()
    shown = total[:30]
    assert shown in client.get(f"/queues/{queue.slug}/").content.decode()


def test_a_queue_shows_the_rows_beside_a_broken_one(
    client: Client,
    alice: User,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
    rows_found_broken: Found,
) -> None:
    first, second, third = open_reviews(queue, 3)
    ReviewTask.objects.filter(pk=second.pk).update(amount=13)
    monkeypatch.setattr(display, "money", breaks(display.money, at=13))
    monkeypatch.setattr(review_rows, "deadline", breaks(deadlines.deadline, at=third.pk))
    client.force_login(alice)

    html = client.get(f"/queues/{queue.slug}/").content.decode()

    assert first.reference in html
    assert html.count("This row cannot be shown") == 2
    assert f'href="/reviews/{second.pk}/"' in html
    assert {row["key"] for row in rows_found_broken} == {str(second.pk), str(third.pk)}
    assert {row["error"] for row in rows_found_broken} == {"RuntimeError"}
    assert "no log may hold" not in repr(rows_found_broken)
    assert client.get(f"/reviews/{second.pk}/").status_code == 200
    rows_found_broken.clear()


def test_the_home_page_shows_what_a_person_holds_beside_a_broken_row(
    client: Client,
    alice: User,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
    rows_found_broken: Found,
) -> None:
    held = open_reviews(queue, 2)
    for each in held:
        assignment.claim(each.pk, by=actor(alice))
    monkeypatch.setattr(review_rows, "deadline", breaks(deadlines.deadline, at=held[0].pk))
    client.force_login(alice)

    html = client.get("/").content.decode()

    assert html.count("This row cannot be shown") == 1
    assert held[1].reference in html
    assert len(rows_found_broken) == 1
    rows_found_broken.clear()


def test_a_review_shows_its_timeline_beside_a_broken_event(
    client: Client,
    alice: User,
    review: ReviewTask,
    monkeypatch: pytest.MonkeyPatch,
    rows_found_broken: Found,
) -> None:
    discussion.comment(review.pk, "The customer called.", by=actor(alice))
    entry = breaks(timeline.timeline_entry, at="review.received")
    monkeypatch.setattr(timeline, "timeline_entry", entry)
    client.force_login(alice)

    html = client.get(f"/reviews/{review.pk}/").content.decode()

    assert html.count("This row cannot be shown") == 1
    assert "Commented" in html
    assert [row["row"] for row in rows_found_broken] == ["audit event"]
    rows_found_broken.clear()


def test_the_api_lists_the_rows_beside_a_broken_one(
    api: Caller, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch, rows_found_broken: Found
) -> None:
    first, second = open_reviews(queue, 2)
    monkeypatch.setattr(presentation, "review", breaks(presentation.review, at=second.pk))

    response = api.get("reviews/")

    assert response.status_code == 200
    shown, broken = response.json()["results"]
    assert shown["id"] == str(first.pk)
    assert broken == {
        "id": str(second.pk),
        "code": "broken_row",
        "detail": "This row cannot be shown.",
    }
    rows_found_broken.clear()


def test_an_admin_list_shows_the_rows_beside_a_broken_one(
    client: Client,
    alice: User,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
    rows_found_broken: Found,
) -> None:
    first, second = open_reviews(queue, 2)
    monkeypatch.setattr(reviews, "visible", breaks(display.visible, at=second.reference))
    client.force_login(alice)

    html = client.get("/admin/approvals/reviewtask/").content.decode()

    assert first.reference in html
    assert html.count("This row cannot be shown") == 1
    assert f"/admin/approvals/reviewtask/{second.pk}/change/" in html
    rows_found_broken.clear()


def test_the_chain_of_a_row_is_shown_beside_a_broken_event(
    client: Client,
    alice: User,
    review: ReviewTask,
    monkeypatch: pytest.MonkeyPatch,
    rows_found_broken: Found,
) -> None:
    discussion.comment(review.pk, "The customer called.", by=actor(alice))
    monkeypatch.setattr(formatting, "visible", breaks(display.visible, at="manual-review"))
    client.force_login(alice)

    html = client.get(f"/admin/approvals/reviewtask/{review.pk}/change/").content.decode()

    assert html.count("This row cannot be shown") == 1
    assert "review.commented" in html
    rows_found_broken.clear()


def test_orders_are_listed_beside_a_broken_one(
    client: Client,
    olga: User,
    machine: None,
    monkeypatch: pytest.MonkeyPatch,
    rows_found_broken: Found,
) -> None:
    fulfillment.start_order_fulfillment({"order_id": "7"}, by=COMMAND_LINE)
    order = OrderExecution.objects.get()
    monkeypatch.setattr(orders, "address", breaks(orders.address, at=order.pk))
    client.force_login(olga)

    html = client.get("/orders/").content.decode()

    assert html.count("This row cannot be shown") == 1
    assert [row["key"] for row in rows_found_broken] == [str(order.pk)]
    rows_found_broken.clear()


def test_a_database_that_is_away_breaks_no_row() -> None:
    def away(_: object) -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        broken_rows.shown(1, away)


# Loops over what is no row of the database (fields of forms, steps of a bar, parts of one payload), or a
# row of two texts that were checked when it was saved.
NO_ROWS = re.compile(
    r"for (?:\w+, )*\w+ in (?:nav_queues|node\.|nodes|column|row\.?$|delivery\.stages|filtered\.|form|bar|bars"
    r"|path\.|estimate\.|notes|parts|messages|permissions\.|review\.flags|order\.promoted|outage"
    r"|field\.errors|drawing\.|hidden|tools|subjects|unused|check\.|fieldset|adminform|execution\.st|details"
    r"|row\b|edit_rows|waiting|report\.by_period|times\.columns|fatigue|available_apps|choices"
    r"|unsaved_check\.|states|changeable|views)"
    r"|for figures, approved, rejected in rows"
)


@pytest.mark.parametrize("folder", ["approvals", "admin"])
def test_every_list_of_rows_in_a_template_shows_each_row_for_itself(folder: str) -> None:
    unguarded = []
    for template in sorted((ROOT / "approvals/templates" / folder).glob("*.html")):
        for loop in re.finditer(r"{% (for [^%]+?) %}(.{0,400})", template.read_text(), re.DOTALL):
            opens_row = re.match(r"\s*(?:{%[^%]*%}\s*)*<(?:li|tr)\b", loop[2])
            if opens_row and "{% row " not in loop[2] and not NO_ROWS.match(loop[1]):
                unguarded.append((template.name, loop[1]))
    assert unguarded == []
