"""The lists of leads that are cut say so, and those of a circuit breaker's decisions have their action."""

from __future__ import annotations

import re

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from approvals.actions import assignment, people
from approvals.actors import COMMAND_LINE
from approvals.models import Breaker, OutboxEntry, ReviewQueue, User
from approvals.web import lead_queues
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import html
from tests.web.reviews import open_reviews
from tests.web.test_leads import PAGE, decide

pytestmark = pytest.mark.django_db


def test_claims_beyond_those_that_are_listed_are_counted(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for review in open_reviews(queue, 3):
        assignment.claim(review.pk, by=actor(alice))
    browser = desk(lena)
    assert "whose claims end first" not in html(browser, PAGE)
    monkeypatch.setattr(lead_queues, "MOST_CLAIMS", 2)
    page = html(browser, PAGE)
    assert "3 reviews are claimed. These are the 2 whose claims end first." in page
    assert page.count(">Take over<") == 2


def test_what_an_open_breaker_holds_back_is_listed_with_its_action_until_it_closes(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User, carol: User
) -> None:
    later, sooner = (decide(queue, alice, timeoutSeconds=n) for n in (90_000, 9_000))
    other = decide(ReviewQueue.objects.get(slug="refunds"), carol)
    assert "held back" not in html(desk(lena), PAGE)
    for each in ReviewQueue.objects.all():
        Breaker.objects.create(queue=each, strikes=3, reason="X", opened_at=Now(), retry_at=Now())

    page = html(desk(lena), PAGE)
    listed = page[page.index('id="stuck-held"') : page.index('id="claims-h"')]
    assert "Decisions held back: 2" in listed
    assert re.findall(r"<bdi>([^<]+)</bdi>", listed) == [sooner.reference, later.reference]
    assert listed.count("by an operator") == 2
    assert other.reference not in page
    people.grant_site(lena, "operator", by=COMMAND_LINE)
    page = html(desk(lena), PAGE)
    check = reverse("admin:approvals_reviewqueue_change", args=[queue.pk])
    assert f'href="{check}" aria-label="Check connection {sooner.reference}"' in page
    waiting = f"{reverse('admin:approvals_outboxentry_changelist')}?lane__exact=callbacks"
    assert f'href="{waiting}&amp;state__exact=waiting"' in page
    assert desk(lena).get(f"{waiting}&state__exact=waiting").status_code == 200

    OutboxEntry.objects.update(state="settled", detail="acknowledged", ended_at=Now())
    assert "Decisions held back" not in html(desk(lena), PAGE)
