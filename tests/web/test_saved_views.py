"""Saved views on the desk: on the queue's page and the first page, with counts, shared and revoked."""

from __future__ import annotations

import uuid

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.actions import people, saved_views
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, SavedView, User
from approvals.web import saved_views as pages
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import html
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


def save(desk: Desk, user: User, name: str = "Large", **given: str) -> SavedView:
    """Save a view through the form of the page."""
    response = desk(user).post(f"{LIST}views/", {"name": name} | given, follow=True)
    assert response.status_code == 200
    return SavedView.objects.latest("created_at")


def test_a_filter_and_its_order_are_saved_and_opened(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    page = desk(alice).get(LIST, {"amount_from": "100", "sort": "amount"}).content.decode()
    assert "Save this view" in page
    assert "Save this view" not in desk(alice).get(LIST).content.decode()
    view = save(desk, alice, amount_from="100", sort="amount")
    assert (view.query, view.shared) == ("sort=amount&amount_from=100", False)
    opened = desk(alice).get(reverse("view", args=[view.pk]))
    assert (opened.status_code, opened["Location"]) == (302, f"{LIST}?{view.query}")
    page = desk(alice).get(opened["Location"]).content.decode()
    assert f'href="/views/{view.pk}/" aria-current="page"' in page


def test_what_the_list_would_not_take_is_not_saved(desk: Desk, alice: User) -> None:
    view = save(desk, alice, q="x", sort="sideways", colour="red", amount_from="lots")
    assert view.query == "q=x"
    refused = desk(alice).post(f"{LIST}views/", {"name": "None", "sort": "sideways"})
    assert refused.status_code == 422
    assert "set one first" in refused.content.decode()


def test_the_name_of_a_view_is_text(desk: Desk, alice: User) -> None:
    save(desk, alice, "<script>alert(1)</script>", q="x")
    page = desk(alice).get(LIST).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_shared_view_is_everybodys_until_a_lead_revokes_it(
    desk: Desk, queue: ReviewQueue, alice: User, lena: User, carol: User
) -> None:
    assert "Share it" not in desk(alice).get(LIST, {"q": "x"}).content.decode()
    assert "Share it" in desk(lena).get(LIST, {"q": "x"}).content.decode()
    assert (
        desk(alice).post(f"{LIST}views/", {"q": "x", "name": "V", "shared": "yes"}).status_code
        == 403
    )
    view = save(desk, lena, "Fraud", q="x", shared="yes")
    url = reverse("view", args=[view.pk])
    assert f'href="{url}"' in desk(alice).get(LIST).content.decode()
    assert "Stop sharing" not in desk(alice).get(LIST).content.decode()
    assert desk(alice).get(url).status_code == 302
    assert desk(carol).get(url).status_code == 404
    assert desk(alice).post(f"{url}end/").status_code == 403
    assert desk(carol).post(f"{url}end/").status_code == 404

    ended = desk(lena).post(f"{url}end/", follow=True).content.decode()
    assert "The view Fraud is no longer shared." in ended
    page = html(desk(alice), url, 410)
    assert "This view is no longer shared" in page
    assert f'href="{LIST}?q=x"' in page
    assert f'href="{url}"' not in desk(alice).get(LIST).content.decode()
    assert desk(carol).get(url).status_code == 404
    assert desk(lena).post(f"{url}end/").status_code == 422


def test_an_own_view_is_deleted(desk: Desk, alice: User, bob: User) -> None:
    view = save(desk, alice, q="x")
    url = reverse("view", args=[view.pk])
    assert desk(bob).get(url).status_code == desk(bob).post(f"{url}end/").status_code == 404
    assert desk(alice).get(f"{url}end/").status_code == 405
    assert "is deleted" in desk(alice).post(f"{url}end/", follow=True).content.decode()
    assert desk(alice).get(url).status_code == 404
    assert desk(alice).get(reverse("view", args=[uuid.uuid4()])).status_code == 404


def test_who_loses_the_queue_loses_the_view(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    view = save(desk, alice, q="x")
    people.revoke(alice, queue.slug, by=COMMAND_LINE)
    assert desk(alice).get(reverse("view", args=[view.pk])).status_code == 404
    assert "Large" not in desk(alice).get("/").content.decode()
    assert desk(alice).get("/views/counts/", {"queue": queue.slug}).status_code == 404


def test_a_stored_query_is_judged_again_when_it_is_used(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    view = saved_views.keep(queue.slug, "Odd", "sort=sideways&q=%00&status=gone", by=actor(alice))
    opened = desk(alice).get(reverse("view", args=[view.pk]), follow=True)
    assert opened.status_code == 200
    assert "is not one of the available choices" in opened.content.decode()
    assert desk(alice).get("/views/counts/").status_code == 200


def test_views_are_counted_afterwards_in_one_statement_and_no_further_than_needed(
    desk: Desk, queue: ReviewQueue, alice: User, lena: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews = open_reviews(queue, 5)
    monkeypatch.setattr(pages, "COUNT_UP_TO", 3)
    save(desk, alice, "All by arrival", sort="arrival")
    save(desk, alice, "One", reference=reviews[0].reference)
    save(desk, alice, "Text", q="x")  # not counted: its search is a statement of its own
    save(desk, lena, "None", customer="nobody", shared="yes")
    assert "chip-count" not in desk(alice).get("/").content.decode()
    browser = desk(alice)
    with CaptureQueriesContext(connection) as asked:
        page = browser.get("/views/counts/").content.decode()
    assert len(asked) <= 8
    counted = [text.split("<")[0] for text in page.split('chip-count">')[1:]]
    assert counted == ["0", "3+", "1"]
    assert "Manual review" in page
    here = {"queue": queue.slug, "current": "sort=arrival"}
    page = browser.get("/views/counts/", here).content.decode()
    assert page.count('aria-current="page"') == 1


def test_counts_that_take_too_long_are_cancelled_and_left_out(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = pages._numbers
    monkeypatch.setattr(pages, "MOST_TIME", 20)
    monkeypatch.setattr(
        pages, "_numbers", lambda *_: numbers(["(SELECT count(*) FROM pg_sleep(30))"], [])
    )
    save(desk, alice, q="x")
    assert desk(alice).get("/views/counts/").status_code == 204


def test_a_database_that_is_away_is_no_slow_count(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_numbers", _away)
    save(desk, alice, q="x")
    with pytest.raises(OperationalError, match="connection is closed"):
        desk(alice).get("/views/counts/")


def _away(*_: object) -> None:
    raise OperationalError("the connection is closed")


def test_pages_with_views_ask_as_few_questions_however_many_there_are(
    desk: Desk, queue: ReviewQueue, alice: User, lena: User
) -> None:
    open_reviews(queue, 30)
    for number in range(20):
        saved_views.keep(queue.slug, f"Mine {number}", f"customer={number}", by=actor(alice))
        saved_views.share(queue.slug, f"Ours {number}", "q=x", by=actor(lena))
    other = factories.queue("other")
    people.grant(alice, other.slug, "viewer", by=COMMAND_LINE)
    browser = desk(alice)
    for path in ("/", LIST, f"{LIST}?q=x", "/views/counts/"):
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(path).status_code == 200
        assert len(asked) <= 8, path
    assert browser.get("/").content.decode().count('href="/views/') == pages.MAX_ON_HOME


@pytest.mark.parametrize("listing", ["orders", "batches"])
def test_orders_and_batches_have_saved_views_as_reviews_have(
    desk: Desk, olga: User, alice: User, listing: str
) -> None:
    path, filters, query = {
        "orders": (
            "/orders/", {"status": "failed", "sort": "accepted"}, "status=failed&sort=accepted"
        ),
        "batches": ("/orders/batches/", {"needs": "rows"}, "needs=rows"),
    }[listing]  # fmt: skip
    browser, new = desk(olga), f"/views/{listing}/"
    page = browser.get(path, filters).content.decode()
    assert f'action="{new}"' in page
    assert "everybody who sees orders" in page
    assert "Save this view" not in browser.get(path).content.decode()
    done = browser.post(new, {"name": "Mine"} | filters, follow=True).content.decode()
    assert "The view Mine is saved." in done
    assert 'aria-current="page"><svg' in done
    view = SavedView.objects.get()
    assert (view.query, view.listing, view.queue) == (query, listing, None)
    assert browser.get(reverse("view", args=[view.pk]))["Location"] == f"{path}?{query}"
    counted = browser.get("/views/counts/", {"listing": listing, "current": query})
    assert 'chip-count">0<span class="sr-only"> ' + listing in counted.content.decode()
    assert "Mine" not in browser.get("/").content.decode()  # there are the views of queues

    browser.post(new, {"name": "Ours", "shared": "yes"} | filters)
    shared = SavedView.objects.get(shared=True)
    url = reverse("view", args=[shared.pk])
    auditor = factories.user("adele@example.com")
    people.grant_site(auditor, "auditor", by=COMMAND_LINE)
    page = desk(auditor).get(path, filters).content.decode()
    assert "Ours" in page
    assert "Mine" not in page
    assert "everybody who sees orders" not in page
    assert "Stop sharing" not in page
    assert desk(auditor).post(new, {"name": "x", "shared": "yes"} | filters).status_code == 403
    assert desk(auditor).post(f"{url}end/").status_code == 403
    assert desk(alice).get(url).status_code == desk(alice).post(f"{url}end/").status_code == 404
    assert desk(alice).post(new, {"name": "x"} | filters).status_code == 403

    ended = browser.post(f"{url}end/", follow=True)
    assert ended.redirect_chain == [(path, 302)]
    gone = html(desk(auditor), url, 410)
    assert "with everybody who sees orders" in gone
    assert f'href="{path}?{query.replace("&", "&amp;")}"' in gone
    assert "Ours" not in desk(auditor).get(path).content.decode()


def test_the_lists_of_orders_ask_at_most_eight_questions_with_their_views(
    desk: Desk, olga: User
) -> None:
    for listing in (SavedView.Listing.ORDERS, SavedView.Listing.BATCHES):
        for number in range(10):
            saved_views.keep(None, f"V{number}", "sort=x", by=actor(olga), listing=listing)
            saved_views.share(None, f"V{number}", "sort=x", by=actor(olga), listing=listing)
    browser = desk(olga)
    for path in ("/orders/", "/orders/batches/", "/views/counts/?listing=orders"):
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(path).status_code == 200
        assert len(asked) <= 8, "\n".join(each["sql"][:300] for each in asked)
