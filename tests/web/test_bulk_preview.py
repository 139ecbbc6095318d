"""The preview of a bulk decision: who is decided and who is not, the sums, and the one submit that begins it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import bulk
from approvals.actions import assignment, decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.models import BulkJob, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.web import bulk_preview
from tests import factories
from tests.bulk import results
from tests.canary import CANARY, assert_no_canary
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
PREVIEW = "/queues/manual-review/bulk/"


def chosen(rows: list[ReviewTask], **more: Any) -> dict[str, Any]:
    return {"review": [str(row.pk) for row in rows], "outcome": "approved", **more}


def fields(content: bytes) -> dict[str, str]:
    """The hidden fields of the form of a preview."""
    text = content.decode()
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
    return {name: html.unescape(value) for name, value in found}


def submitted(browser: Client, content: bytes, **typed: str) -> Any:
    return browser.post(PREVIEW, fields(content) | typed)


def test_each_review_is_judged_by_the_rules_of_a_decision(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    free, held, decided, late = (factories.review(queue) for _ in range(4))
    assignment.claim(held.pk, by=actor(bob))
    decisions.decide(decided.pk, Outcome.REJECTED, by=actor(bob))
    ReviewTask.objects.filter(pk=late.pk).update(deadline_at=late.received_at)

    page = desk(alice).get(PREVIEW, chosen([free, held, decided, late])).content

    text = page.decode()
    assert "Approve 1 review<" in text
    for why in ("bob@example.com has claimed this review", "bob@example.com was faster"):
        assert f"1: <bdi>{why}</bdi>" in text
    assert "1: <bdi>The deadline has passed</bdi>" in text
    assert fields(page)["rows"] == f"{free.pk}.{free.version}"
    assert set(fields(page)["left_out"].split()) == {str(held.pk), str(decided.pk), str(late.pk)}
    assert not BulkJob.objects.exists()


def test_the_queues_settings_are_read_once_and_not_with_each_review(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    open_reviews(queue, 3)
    browser = desk(alice)
    with CaptureQueriesContext(connection) as read:
        browser.get(PREVIEW, {"all": "1", "outcome": "approved"})
    of_reviews = [each["sql"] for each in read if '"approvals_reviewtask"' in each["sql"]]
    # Those of the queue that a review was escalated to, which most have not.
    assert max(sql.count('"output_schema"') for sql in of_reviews) == 1
    assert len(read) <= 8


def test_the_amounts_are_summed_by_currency(desk: Desk, queue: ReviewQueue, alice: User) -> None:
    rows = [
        factories.review(queue, input={"total": total, "currency": currency})
        for total, currency in ((812.5, "EUR"), ("1187.50", "EUR"), (3, "USD"), ("lots", "EUR"))
    ]

    text = desk(alice).get(PREVIEW, chosen(rows)).content.decode()

    assert "EUR 2,000.00 + USD 3.00" in text
    assert "Without an amount</dt><dd>1<" in text


def test_what_was_confirmed_is_begun_and_the_rest_reported(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    free, held = factories.review(queue), factories.review(queue)
    assignment.claim(held.pk, by=actor(bob))
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen([free, held])).content

    answer = submitted(browser, page, reason="Known.")

    job = BulkJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/bulk/{job.pk}/")
    assert (job.reason, job.surface, job.undo_seconds) == ("Known.", "web", None)
    bulk.run(job.pk)
    assert sorted(results(job)) == [("decided", ""), ("refused", "claimed_by_another")]


def test_what_was_left_out_is_not_decided_although_it_could_be_by_now(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    free, held = factories.review(queue), factories.review(queue)
    assignment.claim(held.pk, by=actor(bob))
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen([free, held])).content
    assignment.release(held.pk, by=actor(bob))

    submitted(browser, page)

    job = BulkJob.objects.get()
    bulk.run(job.pk)
    assert sorted(results(job)) == [("decided", ""), ("refused", "stale_version")]


def test_a_review_that_changes_after_the_preview_is_refused(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    row = factories.review(queue)
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen([row])).content
    ReviewTask.objects.update(version=row.version + 1)

    submitted(browser, page)

    job = BulkJob.objects.get()
    bulk.run(job.pk)
    assert results(job) == [("refused", "stale_version")]


def test_a_form_that_is_submitted_twice_begins_one(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen([factories.review(queue)])).content

    answers = [submitted(browser, page)["Location"] for _ in range(2)]

    assert BulkJob.objects.count() == 1
    assert answers[0] == answers[1]


def test_the_number_of_many_reviews_is_typed_and_what_was_typed_is_kept(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen(open_reviews(queue, 10))).content
    assert b"Type 10 to confirm" in page

    answer = submitted(browser, page, count="9", reason="Known ones.")

    assert answer.status_code == 422
    assert b"Type 10, the number of reviews" in answer.content
    assert b">Known ones.</textarea>" in answer.content
    assert submitted(browser, answer.content, count="10").status_code == 302


def test_a_reason_that_the_queue_asks_for_is_asked_for(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    code = {"code": "fraud", "label": "Fraud", "template": "Stolen card.", "outcomes": ["rejected"]}
    changes = {"policy": {"reason_required_for": ["rejected"]}, "reason_codes": [code]}
    queues.save(queue.slug, changes, by=COMMAND_LINE)
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen([factories.review(queue)], outcome="rejected")).content

    refused = submitted(browser, page)

    assert (refused.status_code, b"write a reason" in refused.content) == (422, True)
    assert submitted(browser, refused.content, reason_code="fraud").status_code == 302
    assert BulkJob.objects.get().reason == "Stolen card."


def test_all_that_the_filter_finds_is_capped(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_preview, "MAX_ITEMS", 3)
    rows = open_reviews(queue, 5)
    browser = desk(alice)

    page = browser.get(PREVIEW, {"all": "yes", "outcome": "approved"}).content
    one = browser.get(PREVIEW, {"all": "yes", "outcome": "approved", "q": rows[4].reference})

    assert b"the first 3 that the filter finds" in page
    assert [part.partition(".")[0] for part in fields(page)["rows"].split()] == [
        str(row.pk) for row in rows[:3]
    ]
    assert fields(one.content)["rows"].startswith(str(rows[4].pk))


def test_nothing_chosen_says_so_and_nonsense_is_refused(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    browser = desk(alice)

    assert b"No review was chosen" in browser.get(PREVIEW, {"outcome": "approved"}).content
    assert browser.get(PREVIEW, {"outcome": "maybe"}).status_code == 422
    assert browser.get(PREVIEW, {"outcome": "approved", "review": "x"}).status_code == 422
    empty = browser.post(PREVIEW, {"outcome": "approved"})
    assert (empty.status_code, BulkJob.objects.count()) == (422, 0)


def test_who_may_not_decide_or_where_the_queue_forbids_it_there_is_none(
    desk: Desk, queue: ReviewQueue, alice: User, victor: User, carol: User
) -> None:
    row = factories.review(queue)
    assert desk(victor).get(PREVIEW, chosen([row])).status_code == 403
    assert desk(carol).get(PREVIEW, chosen([row])).status_code == 404
    assert b'name="review"' not in desk(victor).get("/queues/manual-review/").content
    assert b'name="review"' in desk(alice).get("/queues/manual-review/").content

    queues.save(queue.slug, {"allow_bulk": False}, by=COMMAND_LINE)

    answer = desk(alice).get(PREVIEW, chosen([row]))
    assert (answer.status_code, b"takes no bulk decisions" in answer.content) == (403, True)
    assert b'name="review"' not in desk(alice).get("/queues/manual-review/").content


def test_a_review_of_another_queue_is_not_shown(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    other = factories.review(factories.queue("elsewhere"))

    page = desk(alice).get(PREVIEW, chosen([factories.review(queue), other])).content

    assert other.reference not in page.decode()


def test_it_asks_few_questions_however_many_are_chosen(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    rows = [factories.review(queue, taskToken=CANARY), *open_reviews(queue, 30)]
    for row in rows[:4]:
        assignment.claim(row.pk, by=actor(bob))
    for row in rows[4:8]:
        decisions.decide(row.pk, Outcome.APPROVED, by=actor(bob))
    browser = desk(alice)

    with CaptureQueriesContext(connection) as log:
        page = browser.get(PREVIEW, chosen(rows))

    assert len(log) <= 8, [each["sql"][:200] for each in log.captured_queries]
    assert_no_canary(page.content)


@pytest.mark.parametrize("version", ["-1", "99999999999999999999", "9" * 6000, "\u0661"])
def test_a_version_that_no_review_has_begins_nothing(
    desk: Desk, queue: ReviewQueue, alice: User, version: str
) -> None:
    review = factories.review(queue)
    browser = desk(alice)
    page = browser.get(PREVIEW, chosen([review])).content

    answer = browser.post(
        PREVIEW, fields(page) | {"rows": f"{review.pk}.{version}", "reason": "Known."}
    )

    assert answer.status_code == 422
    assert not BulkJob.objects.exists()


def test_the_preview_of_decided_reviews_reads_no_reasons_and_no_edits(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice))

    with CaptureQueriesContext(connection) as read:
        page = desk(alice).get(f"{PREVIEW}?all=1&status=rejected&outcome=approved")

    assert page.status_code == 200
    assert not any('"approvals_decision"."reason"' in one["sql"] for one in read.captured_queries)
    assert not any('"approvals_decision"."edits"' in one["sql"] for one in read.captured_queries)
