"""Every address of the service, asked by those without a right to its rows: nothing is shown, and nothing changes.

The addresses are those of the URL resolver, so that a new one is tried as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from approvals.actions import credentials, decisions, discussion, intake, people, saved_views
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    Mention,
    OrderExecution,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.orchestration.batches import acceptance, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.records import audit
from tests import factories
from tests.bulk import begun
from tests.factories import actor

pytestmark = pytest.mark.django_db
MARK = "Zanzibar"  # stands in every text of the rows that are not theirs
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
# Open to everybody: signing in, what the source holds anyway, and probes.
OPEN = re.compile(
    r"accounts/|admin/(login|logout|jsi18n)/|api/(schema|docs)/|metrics|live/|static/"
)
ROUTE = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """The routes of the service, with their parameters in angle brackets; without those of regular expressions."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and "(?P" not in route and "^" not in route:
            yield route


@pytest.fixture
def rows(queue: ReviewQueue, lena: User, settings: Settings) -> dict[str, str]:
    """The key of a row of each kind, by the name of its parameter; each holds MARK."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    settings.API_RATE_PER_MINUTE = 0
    people.grant_site(lena, "orders", by=COMMAND_LINE)
    pending, decided, third = (
        factories.review(queue, orderId=f"{MARK}-{n}", title=MARK, input={"customer": MARK})
        for n in range(3)
    )
    people.grant(factories.user("wanda@example.com"), queue.slug, "viewer", by=COMMAND_LINE)
    discussion.comment(pending.pk, f"{MARK} @wanda", by=actor(lena))
    decision = decisions.decide(decided.pk, Outcome.APPROVED, by=actor(lena)).decision_id
    order, _ = fulfillment.start_order_fulfillment({"order_id": f"{MARK}-1"}, by=actor(lena))
    source = sources.of_body(f'[{{"order_id": "{MARK}-2"}}]')
    batch = acceptance.accept(source, BatchOptions("executions"), by=actor(lena))
    view = saved_views.share(queue.slug, MARK, "q=x", by=actor(lena))
    quarantined = QuarantinedMessage.objects.get(pk=_quarantined(queue))
    return {
        "slug": queue.slug,
        "review_id": str(pending.pk),
        "decision_id": str(decision),
        "job_id": str(begun([third], lena).pk),
        "view_id": str(view.pk),
        "mention_id": str(Mention.objects.get().pk),
        "order_id": order.order_id,
        "attempt": str(order.pk),
        "batch_id": str(batch.pk),
        "message_id": str(quarantined.pk),
    }


def _quarantined(queue: ReviewQueue) -> UUID:
    intake.accept(queue, [factories.received(f"{MARK} is no JSON")])
    return QuarantinedMessage.objects.get().pk


def filled(route: str, rows: dict[str, str]) -> str:
    """The address of a route with the keys of real rows; keys of the admin site are a review's or made up."""
    numbers = {"int": "1", "uuid": str(uuid4())}

    def key(found: re.Match[str]) -> str:
        if found["name"] in rows:
            return rows[found["name"]]
        return numbers.get(found["kind"] or "", rows["review_id"])

    return f"/{ROUTE.sub(key, route)}"


def visitor(who: str) -> tuple[Client, Client, User | None]:
    """A browser and a program of somebody without a right to the rows, and who that is."""
    browser = Client(raise_request_exception=False)
    if who == "nobody":
        return browser, browser, None
    elsewhere = factories.queue("elsewhere")
    kind = User.Kind.SERVICE if who == "service" else User.Kind.PERSON
    person = factories.user("eve@example.com", "lead", elsewhere, kind=kind)
    browser.force_login(person)
    token = credentials.issue_token(person, "eve", by=COMMAND_LINE)
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    return browser, Client(raise_request_exception=False, **headers), person


@pytest.mark.parametrize("who", ["nobody", "lead elsewhere", "service"])
def test_no_url_shows_or_changes_rows_without_permission(who: str, rows: dict[str, str]) -> None:
    browser, program, person = visitor(who)
    foreign = AuditEvent.objects.all()
    if person is not None:
        foreign = foreign.exclude(chain=audit.chain(person))
    before = (foreign.count(), list(ReviewTask.objects.order_by("pk").values_list("version")))
    wrong: list[tuple[str, str, int]] = []
    for route in routes():
        client = program if route.startswith("api/") else browser
        for method in ("GET", "POST"):
            address = filled(route, rows)
            response = client.generic(
                method, address, b"{}" if method == "POST" else b"", "application/json"
            )
            content = b"" if response.streaming else response.content
            is_opened = who == "nobody" and response.status_code == 200 and not OPEN.match(route)
            if response.status_code >= 500 or MARK.encode() in content or is_opened:
                wrong.append((method, address, response.status_code))
    assert wrong == []
    assert len(list(routes())) > 140
    assert before == (
        foreign.count(),
        list(ReviewTask.objects.order_by("pk").values_list("version")),
    )
    assert OrderExecution.objects.get().status == "pending"


def test_a_viewer_changes_no_review(rows: dict[str, str], victor: User) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(victor)
    token = credentials.issue_token(victor, "victor", by=COMMAND_LINE)
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    program = Client(raise_request_exception=False, **headers)
    before = AuditEvent.objects.exclude(chain=audit.chain(victor)).count()
    statuses = set()
    for route in routes():
        if re.search(r"(review|decision|job|view|mention|message)_id|<slug:", route):
            client = program if route.startswith("api/") else browser
            fields = {"outcome": "approved", "reason": "x", "text": "x", "shared": "1", "name": "x"}
            response = client.post(filled(route, rows), fields)
            statuses.add(response.status_code)
    assert max(statuses) < 500
    assert AuditEvent.objects.exclude(chain=audit.chain(victor)).count() == before
