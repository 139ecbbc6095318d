"""The figures on the page of leads, from the decisions that people took: undone ones, times, signs of fatigue."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import Decision, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import decision_rollups
from approvals.web.fatigue import LONG_RUN, MANY_QUICK
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import html
from tests.web.reviews import open_reviews
from tests.web.test_leads import PAGE, decide

pytestmark = pytest.mark.django_db


def fact(page: str, name: str) -> str:
    """The value beside a name in a list of facts."""
    found = re.search(rf"<dt>{name}</dt><dd[^>]*>(.*?)</dd>", page)
    assert found is not None, name
    return re.sub(r"<[^>]+>", "", found[1])


def test_hurried_decisions_of_one_outcome_are_a_sign_and_others_are_not(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User, bob: User
) -> None:
    rows = open_reviews(queue, LONG_RUN + 2)
    for review in rows[:LONG_RUN]:
        assignment.claim(review.pk, by=actor(alice))
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    for review, outcome in zip(rows[LONG_RUN:], Outcome, strict=True):
        decisions.decide(review.pk, outcome, by=actor(bob))
    decision_rollups.bring_up_to_date()
    assert LONG_RUN >= MANY_QUICK

    page = html(desk(lena), PAGE)

    signs = page[page.index('id="fatigue-h"') :]
    assert f"{LONG_RUN} decisions in under 3 seconds after the claim" in signs
    assert f"{LONG_RUN} decisions in a row with the same outcome in Manual review" in signs
    assert "alice@example.com" in signs
    assert "bob@example.com" not in signs


def test_undone_decisions_and_the_times_to_decide_are_those_of_the_chosen_queue(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    other = factories.queue("refunds", name="Refunds")
    people.grant(lena, other.slug, "lead", by=COMMAND_LINE)
    people.grant(alice, other.slug, "reviewer", by=COMMAND_LINE)
    for minutes in [*[2] * 8, 45, 45]:
        review = factories.review(queue)
        came = Now() - timedelta(minutes=minutes, seconds=20)
        ReviewTask.objects.filter(pk=review.pk).update(received_at=came)
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    undone = decide(queue, alice)
    decisions.undo(Decision.objects.get(review=undone).pk, by=actor(alice))
    decide(other, alice, "rejected")
    decision_rollups.bring_up_to_date()
    browser = desk(lena)

    page = html(browser, f"{PAGE}?queue={queue.slug}&range=7d")
    assert (fact(page, "Decided"), fact(page, "Undone"), fact(page, "Approved")) == (
        *("10", "1", "100 %"),
    )
    assert fact(page, "Median time to decide") in ("2 min", "3 min")  # of a class of times
    assert fact(page, "90 % within").endswith("min")
    assert 30 <= int(fact(page, "90 % within").split()[0]) <= 60
    for column in ("Approved", "Rejected", "Undone", "Median", "90 % within"):
        assert page.count(f'<th scope="col" class="num">{column}</th>') >= 2, column
    assert fact(html(browser, f"{PAGE}?range=7d"), "Decided") == "11"
    assert fact(html(browser, f"{PAGE}?queue=refunds"), "Decided") == "1"
