"""The page of leads: what waits, what is stuck with what can be done, claims, and figures of decisions."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.actions import assignment, decisions, intake, lifecycle, people
from approvals.actors import COMMAND_LINE
from approvals.models import (
    Breaker,
    BulkItem,
    BulkJob,
    Decision,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.models.outbox import UNKNOWABLE, Detail
from approvals.records import decision_rollups
from approvals.web.lead_queues import PARKED
from tests import factories
from tests.bulk import begun
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import html, references
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
PAGE = "/leads/"


def decide(
    queue: ReviewQueue, by: User, outcome: str = "approved", **message: object
) -> ReviewTask:
    """A review that this person has decided."""
    review = factories.review(queue, **message)
    return decisions.decide(review.pk, Outcome(outcome), by=actor(by))


def parked(queue: ReviewQueue, by: User, detail: Detail) -> OutboxEntry:
    """A decision whose answer is parked for this reason."""
    review = decide(queue, by)
    entry = OutboxEntry.objects.get(subject=Decision.objects.get(review=review).pk)
    OutboxEntry.objects.filter(pk=entry.pk).update(state="parked", detail=detail, ended_at=Now())
    return entry


def overdue(queue: ReviewQueue, **message: object) -> ReviewTask:
    """An open review whose deadline passed a minute ago."""
    review = factories.review(queue, **message)
    passed = Now() - timedelta(minutes=1)
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=passed)
    return review


def test_it_is_for_leads_and_for_their_queues_alone(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User, carol: User
) -> None:
    hidden = decide(ReviewQueue.objects.get(slug="refunds"), carol)
    page = html(desk(lena), PAGE)
    assert queue.name in page
    assert "refunds" not in page
    assert hidden.reference not in page
    assert "role lead" in html(desk(alice), PAGE, status=403)
    assert "role lead" in html(desk(alice), f"{PAGE}?queue={queue.slug}", status=403)
    assert desk(lena).get(f"{PAGE}?queue=refunds").status_code == 404
    assert desk(lena).post(PAGE).status_code == 405


def test_the_link_in_the_header_is_for_leads(desk: Desk, lena: User, alice: User) -> None:
    assert 'href="/leads/"' in html(desk(lena), "/")
    assert 'href="/leads/"' not in html(desk(alice), "/")


def test_a_queue_in_the_url_leaves_the_others_out(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    other = factories.queue("refunds", name="Refunds of goods")
    people.grant(lena, other.slug, "lead", by=COMMAND_LINE)
    overdue(other, orderId="OTHER-1")

    browser = desk(lena)

    assert "OTHER-1" in html(browser, PAGE)
    assert "OTHER-1" not in html(browser, f"{PAGE}?queue={queue.slug}")
    assert "Refunds of goods, for leads" in html(browser, f"{PAGE}?queue=refunds")


def test_it_shows_what_waits(desk: Desk, queue: ReviewQueue, lena: User, alice: User) -> None:
    reviews = open_reviews(queue, 4)
    ReviewTask.objects.filter(pk=reviews[0].pk).update(
        deadline_at=Now() + timedelta(minutes=30), received_at=Now() - timedelta(hours=5)
    )
    assignment.claim(reviews[1].pk, by=actor(alice))

    page = html(desk(lena), PAGE)

    assert '<span class="figure">4</span> open' in page
    assert re.search(r"Oldest</dt><dd><time[^>]*>5 h</time>", page)
    assert '<dd class="due-soon">1</dd>' in page
    assert '?assignee=nobody">3<' in page


def test_each_reason_for_parking_is_in_one_of_the_lists() -> None:
    ends = {Detail.INVALID_TOKEN, Detail.INVALID_OUTPUT, Detail.ACCESS_DENIED, Detail.KEY_MISSING}
    assert set(PARKED) == ends
    assert not set(PARKED) & UNKNOWABLE


def test_what_is_stuck_is_listed_with_its_reason_and_an_operator_gets_the_action(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    denied = parked(queue, alice, Detail.ACCESS_DENIED)
    unproved = parked(queue, alice, Detail.NO_EXECUTION_ARN)
    late = overdue(queue)
    intake.accept(queue, [factories.received("no json")])
    message = QuarantinedMessage.objects.get()
    Breaker.objects.create(
        queue=queue, strikes=3, reason="AccessDeniedException", opened_at=Now(), retry_at=Now()
    )
    again = [
        reverse("admin:approvals_outboxentry_requeue", args=[e.pk]) for e in (denied, unproved)
    ]
    replay = f"{reverse('admin:approvals_quarantinedmessage_replay')}?id={message.pk}"

    page = html(desk(lena), PAGE)

    for title in (
        "Parked decisions: 1",
        "Unconfirmed decisions: 1",
        "Messages in quarantine: 1",
        "Open reviews past their deadline: 1",
        f"Circuit breaker open: {queue.name}",
    ):
        assert title in page
    assert "AWS does not let Countersign answer this step" in page
    assert f'href="/reviews/{late.pk}/"' in page
    assert "/admin/" not in page
    assert "Ask an operator" in page

    people.grant_site(lena, "operator", by=COMMAND_LINE)
    page = html(desk(lena), PAGE)
    for url in (*again, replay):
        assert f'href="{url}"' in page
    assert "?lane__exact=callbacks&amp;state__exact=parked" in page
    assert reverse("admin:approvals_reviewqueue_change", args=[queue.pk]) in page


def test_every_link_of_an_operator_leads_to_a_page(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    parked(queue, alice, Detail.KEY_MISSING)
    overdue(queue)
    intake.accept(queue, [factories.received("no json")])
    Breaker.objects.create(queue=queue, opened_at=Now(), retry_at=Now())
    people.grant_site(lena, "operator", by=COMMAND_LINE)
    browser = desk(lena)

    content = html(browser, PAGE).partition('<main id="main"')[2]
    links = set(re.findall(r'href="(/[^"]+)"', content))

    assert len(links) >= 9
    answers = {link: browser.get(link.replace("&amp;", "&")).status_code for link in links}
    assert {link: code for link, code in answers.items() if code != 200} == {}


def test_an_unproved_review_is_closed_by_its_lead_and_leaves_the_list(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    review = overdue(queue, executionArn="")
    assert lifecycle.mark_unproved(review.pk)
    browser = desk(lena)
    page = html(browser, PAGE)
    assert "Unproved reviews: 1" in page
    assert f'href="/reviews/{review.pk}/" aria-label="Close {review.reference}"' in page

    browser.post(reverse("review_close", args=[review.pk]), {"reason": "The order was cancelled."})

    assert "Unproved reviews" not in html(browser, PAGE)


def test_a_list_that_was_cleared_is_gone(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    review = overdue(queue)
    assert review.reference in html(desk(lena), PAGE)
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=Now() + timedelta(hours=2))
    page = html(desk(lena), PAGE)
    assert review.reference not in page
    assert "Nothing is parked, unconfirmed, in quarantine, overdue or unproved" in page


def test_a_default_deadline_that_has_passed_is_called_the_queues_own(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    overdue(queue, timeoutSeconds=None)
    assert "The queue&#x27;s own deadline" in html(desk(lena), PAGE)


def test_a_list_shows_no_more_than_its_first_rows_and_counts_all(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    open_reviews(queue, 14)
    ReviewTask.objects.update(deadline_at=Now() - timedelta(minutes=1))
    page = html(desk(lena), PAGE)
    assert "Open reviews past their deadline: 14" in page
    assert len(set(re.findall(r'href="(/reviews/[^"]+)"', page))) == 10


def test_an_overdue_review_is_decided_where_that_is_still_tried_and_its_link_lists_all(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    assumed, named = overdue(queue, timeoutSeconds=None), overdue(queue)
    open_reviews(queue, 2)
    page = html(desk(lena), PAGE)
    assert f'href="/reviews/{assumed.pk}/" aria-label="Decide' in page
    assert f'href="/reviews/{named.pk}/" aria-label="Decide' not in page
    past = html(desk(lena), f"/queues/{queue.slug}/?due=past")
    assert f'href="/queues/{queue.slug}/?due=past"' in page
    assert sorted(references(past)) == sorted([assumed.reference, named.reference])


def test_a_bulk_decision_with_failed_reviews_is_listed_until_they_are_decided(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    rows = open_reviews(queue, 3)
    job = begun(rows, alice)
    BulkItem.objects.filter(job=job, review__in=rows[:2]).update(state="failed")
    BulkJob.objects.update(status="finished", ended_at=Now())
    page = html(desk(lena), PAGE)
    assert "Bulk decisions with failed reviews: 1" in page
    assert f'<a class="link serial" href="/bulk/{job.pk}/"><bdi>2 of 3</bdi>' in page
    assert "finished, 2 failed" in html(desk(lena), "/bulk/")
    assert "finished, 2 failed" in html(desk(lena), f"/bulk/{job.pk}/")
    for row in rows[:2]:
        decisions.decide(row.pk, Outcome.APPROVED, by=actor(alice))
    assert "with failed reviews" not in html(desk(lena), PAGE)


def test_claims_stand_by_person_and_a_lead_takes_one_over(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User, bob: User
) -> None:
    rows = open_reviews(queue, 4)
    for review, who in zip(rows, (alice, bob, bob, lena), strict=True):
        assignment.claim(review.pk, by=actor(who))
    browser = desk(lena)

    page = html(browser, PAGE)

    assert re.findall(r"<bdi>(\w+)@example.com</bdi>: (\d)", page)[0] == ("bob", "2")
    assert page.count(">Take over<") == 3, "one's own claim needs none"
    form = {"override": "yes"}
    assert browser.post(reverse("review_claim", args=[rows[0].pk]), form).status_code == 302
    rows[0].refresh_from_db()
    assert rows[0].assignee == lena
    assert html(browser, PAGE).count(">Take over<") == 2


def test_a_claim_on_a_review_that_was_escalated_is_for_the_leads_who_decide_it(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    other = factories.queue("refunds")
    chief = factories.user("chief@example.com", "lead", other)
    erin = factories.user("erin@example.com", "reviewer", other)
    review = factories.review(queue)
    ReviewTask.objects.filter(pk=review.pk).update(escalated_to=other)
    assignment.claim(review.pk, by=actor(erin))

    seen = html(desk(lena), PAGE)
    assert "erin@example.com</bdi>: 1" in seen
    assert ">Take over<" not in seen
    assert ">Take over<" in html(desk(chief), PAGE)
    claim = reverse("review_claim", args=[review.pk])
    assert desk(chief).post(claim, {"override": "yes"}).status_code == 302
    review.refresh_from_db()
    assert review.assignee == chief


def test_a_claim_whose_lease_has_run_out_is_none(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    review = factories.review(queue)
    assignment.claim(review.pk, by=actor(alice))
    ReviewTask.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    page = html(desk(lena), PAGE)
    assert "Nobody has claimed a review" in page
    assert '?assignee=nobody">1<' in page


def test_figures_come_from_the_rollups_and_each_chart_has_its_table(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    for number in range(12):
        outcome = "approved" if number % 4 else "rejected"
        decide(queue, alice, outcome, error="FraudSuspected")
    decision_rollups.bring_up_to_date()

    page = html(desk(lena), PAGE)

    assert "<dt>Decided</dt><dd>12</dd>" in page
    assert "<dt>Approved</dt><dd>75 %</dd>" in page
    for title in ("Decisions by hour", "Time to decide", "By queue", "By error", "By reviewer"):
        assert f"<summary>{title}, as a table</summary>" in page
    assert page.count("<svg role=") == 2
    assert page.count('class="bar-track"') == 3
    assert "FraudSuspected" in page
    assert "alice@example.com" in page
    assert "style=" not in page


@pytest.mark.parametrize(
    ("chosen", "columns", "label"),
    [("today", None, "Today"), ("7d", 7, "7 days"), ("30d", 30, "30 days"), ("x", None, "Today")],
)
def test_the_range_is_in_the_url(
    desk: Desk, queue: ReviewQueue, lena: User, chosen: str, columns: int | None, label: str
) -> None:
    response = desk(lena).get(PAGE, {"range": chosen})
    assert f"selected>{label}</option>" in response.content.decode()
    assert len(response.context["throughput"].columns) == (
        columns or response.context["now"].hour + 1
    )


def test_hostile_names_are_shown_as_text(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    bad = "<script>alert(1)</script>\u202e"
    User.objects.filter(pk=alice.pk).update(name=bad)
    ReviewQueue.objects.filter(pk=queue.pk).update(name=bad)
    for _ in range(10):
        decide(queue, alice, error=bad)
    overdue(queue, orderId=bad)
    assignment.claim(factories.review(queue, orderId=bad).pk, by=actor(alice))
    decision_rollups.bring_up_to_date()

    page = html(desk(lena), PAGE)

    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("queues", [1, 20])
def test_the_page_sends_fewer_than_eight_statements(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User, queues: int
) -> None:
    for number in range(1, queues):
        other = factories.queue(f"queue-{number}")
        people.grant(lena, other.slug, "lead", by=COMMAND_LINE)
        overdue(other)
    for _ in range(10):
        decide(queue, alice)
        parked(queue, alice, Detail.INVALID_TOKEN)
        assignment.claim(factories.review(queue).pk, by=actor(alice))
    OutboxEntry.objects.update(ended_at=F("ended_at"))
    decision_rollups.bring_up_to_date()
    browser = desk(lena)

    with CaptureQueriesContext(connection) as sent:
        html(browser, f"{PAGE}?range=30d")

    assert len(sent) < 8, [one["sql"][:60] for one in sent]
