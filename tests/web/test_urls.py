"""Every page of the desk: exactly one first heading, and at most eight statements."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from approvals.actions import escalation, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask, SavedView, User
from approvals.web.urls import urlpatterns
from tests import factories
from tests.browser import batches, orders, world
from tests.bulk import begun
from tests.factories import actor
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db
MOST = 8  # statements of a page

# What is no page: files, streams, fragments of pages, and what is only posted.
NO_PAGES = {
    *("audit_export", "live", "prometheus-django-metrics", "orders_export", "order_batches_export"),
    *("order_batch_refresh", "queue_export", "queue_next", "queue_news", "bulk_refresh"),
    *("bulk_undo", "bulk_retry", "bulk_export", "view_new", "view_counts", "view", "view_end"),
    *("view_new_of_orders", "view_new_of_batches"),
    *("review_payload", "review_news", "review_delivery", "review_claim", "review_renew"),
    *("review_release", "review_reassign", "review_comment", "mention_dismiss", "review_close"),
    *("review_skip", "attempt_refresh", "attempt_read", "decision_undo", "decision_reapply"),
    *("token_revoke",),
}


def first_headings(html: str) -> list[str]:
    """The texts of the h1 elements of a page."""
    return [re.sub(r"<[^>]*>", "", each) for each in re.findall(r"<h1\b.*?</h1>", html, re.DOTALL)]


def pages(day: world.World, made: dict[str, Any], keeper: User) -> dict[str, list[str]]:
    """The addresses of every page, by the name of its URL; some show a thing in several states."""
    job = begun([day.reviews["ORD-0048251"], day.reviews["ORD-0048252"]], day.lead)
    batches.build(keeper)
    reviews = [row.pk for row in day.reviews.values()]
    mine, slug = day.reviews["ORD-0048219"].pk, day.queue.slug
    found = {
        "home": ["/", "/?q=ORD-00482"],
        "queue": [f"/queues/{slug}/", f"/queues/{slug}/?status=any&open={mine}"],
        "queue_bulk": [f"/queues/{slug}/bulk/?outcome=approved&all=yes"],
        "bulk": [reverse("bulk", args=[job.pk])],
        "order_batch": [reverse("order_batch", args=[batches.stopped().pk])],
        "review": [reverse("review", args=[key]) for key in reviews],
        "order": [reverse("order", args=[row.order_id]) for row in made.values()],
        "attempt": [reverse("attempt", args=[made["failed"].pk])],
    }
    ReviewQueue.objects.update(state_machine_arns=[made["waiting"].state_machine_arn])
    held = ReviewTask.objects.get(execution_arn=made["waiting"].execution_arn)
    found["review_path"] = [reverse("review_path", args=[held.pk])]
    for name in ("review_approve", "review_reject", "review_snooze"):
        found[name] = [reverse(name, args=[mine])]
    found["review_escalate"] = [reverse("review_escalate", args=[mine])]
    found["attempt_restart"] = [reverse("attempt_restart", args=[made["failed"].pk])]
    found["attempt_stop"] = [reverse("attempt_stop", args=[made["waiting"].pk])]
    plain = ("audit", "leads", "order_batches", "bulk_all", "orders", "settings", "tokens")
    found |= {name: [reverse(name)] for name in (*plain, "token_new", "shortcuts", "pricing")}
    return found


@pytest.fixture
def everything(desk: Desk, settings: Settings) -> tuple[Client, dict[str, list[str]]]:
    """A browser of somebody with all rights, and every page of a day in which much happens."""
    keeper, made = orders.build(settings)
    review = next(iter(made.values()))
    assert review is not None
    day = world.build()
    for right in ("orders", "operator", "auditor"):
        people.grant_site(day.lead, right, by=COMMAND_LINE)
    escalation.escalate(day.reviews["ORD-0048230"].pk, "Look.", by=actor(day.ada))
    SavedView.objects.create(queue=day.queue, owner=day.lead, name="Late", query="due=1h")
    browser = desk(day.lead)
    again = {"password": factories.PASSWORD, "next": reverse("token_new")}
    browser.post("/accounts/reauthenticate/", again)  # which a new token asks for
    return browser, pages(day, made, keeper)


def test_every_page_has_one_first_heading_and_asks_few_statements(
    everything: tuple[Client, dict[str, list[str]]],
) -> None:
    browser, found = everything
    assert set(found) | NO_PAGES == {pattern.name for pattern in urlpatterns}
    over: dict[str, list[str]] = {}
    for path in (path for paths in found.values() for path in paths):
        with CaptureQueriesContext(connection) as sent:
            answer = browser.get(path)
        assert answer.status_code in (200, 409), (path, answer.status_code)
        assert len(first_headings(answer.content.decode())) == 1, path
        asked = [one["sql"] for one in sent if "SAVEPOINT" not in one["sql"]]
        over |= {path: asked} if len(asked) > MOST else {}
    assert over == {}, {path: [sql[:90] for sql in asked] for path, asked in over.items()}


def test_a_review_beside_its_list_brings_no_first_heading_of_its_own(
    everything: tuple[Client, dict[str, list[str]]],
) -> None:
    browser, found = everything
    headers = {"HX-Request": "true", "HX-Target": "pane"}
    pane = browser.get(found["review"][0], headers=headers).content.decode()
    assert first_headings(pane) == []
    assert re.search(r'<div class="review-title">\s*<h2>', pane)


def test_pages_that_refuse_have_one_first_heading_too(
    everything: tuple[Client, dict[str, list[str]]], desk: Desk
) -> None:
    browser, found = everything
    nobody = people.create("nina@example.com", by=COMMAND_LINE)
    answers = [
        browser.get("/reviews/00000000-0000-0000-0000-000000000000/"),
        browser.get("/nowhere/"),
        browser.post(found["review_reject"][0].replace("reject", "claim")),
        desk(nobody).get("/leads/"),
        desk(nobody).get("/"),
        Client().get("/accounts/login/"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 409, 403, 200, 200]
    for answer in answers:
        assert len(first_headings(answer.content.decode())) == 1, answer.request["PATH_INFO"]
