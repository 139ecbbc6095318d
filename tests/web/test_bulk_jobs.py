"""The page of a bulk decision: progress, a result a review, retry, undo, and the report as CSV."""

from __future__ import annotations

import csv
import io
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import bulk
from approvals.actions import assignment, bulk_decisions
from approvals.models import AuditEvent, BulkItem, BulkJob, ReviewQueue, User
from tests import factories
from tests.bulk import begun, states
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db


def page(job: BulkJob, action: str = "") -> str:
    return f"/bulk/{job.pk}/{action}"


def test_while_it_runs_the_page_looks_again_with_and_without_scripts(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue) for _ in range(4)], alice, reason="Known <b>.")
    browser = desk(alice)

    text = browser.get(page(job)).content.decode()

    assert "Approval of 4 reviews" in text
    assert "Known &lt;b&gt;." in text
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in text
    assert f'hx-get="{page(job)}news/" hx-trigger="every 2s"' in text
    assert "0 of 4" in text
    bulk.run(job.pk)
    part = browser.get(page(job, "news/")).content.decode()
    assert "4 of 4" in part
    assert "hx-trigger" not in part
    assert "<noscript>" not in browser.get(page(job)).content.decode()


def test_each_review_has_its_result_and_results_can_be_chosen(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User
) -> None:
    free, held = factories.review(queue), factories.review(queue)
    assignment.claim(held.pk, by=actor(bob))
    job = begun([free, held], alice)
    bulk.run(job.pk)
    browser = desk(alice)

    every = browser.get(page(job)).content.decode()
    refused = browser.get(page(job), {"state": "refused"}).content.decode()

    assert free.reference in every
    assert "Somebody else holds this review: bob@example.com." in every
    assert held.reference in refused
    assert free.reference not in refused


def test_the_results_have_pages_and_the_page_asks_few_questions(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    job = begun(open_reviews(queue, 60), alice)
    bulk.run(job.pk)
    browser = desk(alice)

    with CaptureQueriesContext(connection) as log:
        text = browser.get(page(job)).content.decode()

    assert len(log) <= 8, [each["sql"][:150] for each in log.captured_queries]
    assert text.count("status status-approved") == 25
    assert 'rel="next"' in text
    with CaptureQueriesContext(connection) as log:
        assert "Approval of 60" not in browser.get("/bulk/").content.decode()
    assert len(log) <= 8


def test_what_failed_is_tried_again_by_who_began_it(
    desk: Desk, queue: ReviewQueue, alice: User, lena: User
) -> None:
    job = begun([factories.review(queue)], alice)
    BulkItem.objects.update(state="failed", code="error")
    bulk.run(job.pk)

    assert b"Try the failed again" in desk(alice).get(page(job)).content
    assert b"Try the failed again" not in desk(lena).get(page(job)).content
    assert desk(lena).post(page(job, "retry/")).status_code == 403
    assert desk(alice).post(page(job, "retry/"))["Location"] == page(job)
    bulk.run(job.pk)
    assert states(job) == {"decided": 1}


def test_it_is_undone_while_its_decisions_wait(desk: Desk, alice: User, lena: User) -> None:
    slow = factories.queue(undo_seconds=60)
    job = begun([factories.review(slow) for _ in range(2)], alice)
    bulk.run(job.pk)
    browser = desk(lena)
    assert b"Undo 2" in browser.get(page(job)).content

    assert browser.post(page(job, "undo/"))["Location"] == page(job)

    assert b"taking back" in browser.get(page(job)).content
    bulk.run(job.pk)
    text = browser.get(page(job)).content.decode()
    assert "Taken back by" in text
    assert "Undone</dt><dd>2<" in text
    late = browser.post(page(job, "undo/"))
    assert (late.status_code, b"Too late to undo" in late.content) == (409, True)


def test_the_report_is_a_csv_file_without_formulas_and_recorded(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    rows = [
        factories.review(queue, orderId="=1+1"),
        factories.review(queue, input={"total": "7.50", "currency": "EUR"}),
    ]
    job = begun(rows, alice)
    bulk.run(job.pk)

    answer: Any = desk(alice).post(page(job, "export/"))

    content = b"".join(answer.streaming_content).decode()
    read = list(csv.DictReader(io.StringIO(content)))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["reference"] for row in read] == ["'=1+1", rows[1].reference]
    assert [row["result"] for row in read] == ["decided", "decided"]
    assert (read[1]["amount"], read[1]["currency"]) == ("7.50", "EUR")
    assert {row["decision"] for row in read} == {str(one.decision) for one in job.items.all()}
    event = AuditEvent.objects.get(kind="bulk.exported")
    assert (event.chain, event.data) == (f"user:{alice.pk}", {"bulk": str(job.pk)})


def test_others_find_nothing_there(
    desk: Desk, queue: ReviewQueue, alice: User, bob: User, carol: User, lena: User
) -> None:
    job = begun([factories.review(queue)], alice)

    for person in (bob, carol):
        browser = desk(person)
        assert browser.get(page(job)).status_code == 404
        assert browser.get(page(job, "news/")).status_code == 404
        for action in ("undo/", "retry/", "export/"):
            assert browser.post(page(job, action)).status_code == 404
        assert str(job.pk) not in browser.get("/bulk/").content.decode()
    assert desk(lena).get(page(job)).status_code == 200
    assert str(job.pk) in desk(lena).get("/bulk/").content.decode()
    assert desk(alice).get(f"/bulk/{uuid.uuid4()}/").status_code == 404
    assert not AuditEvent.objects.filter(kind="bulk.exported").exists()


def test_a_worker_that_is_late_is_no_reason_to_offer_an_undo_twice(alice: User) -> None:
    slow = factories.queue(undo_seconds=60)
    job = begun([factories.review(slow)], alice)
    bulk.run(job.pk)

    first = bulk_decisions.undo(job.pk, by=actor(alice))
    again = bulk_decisions.undo(job.pk, by=actor(alice))

    assert (first.status, again.status) == ("undoing", "undoing")
    assert AuditEvent.objects.filter(kind="bulk.undo_asked").count() == 1


def test_its_pages_are_for_people_who_signed_in_and_need_no_inline_code(
    desk: Desk, client: Client, queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue)], alice)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    preview = f"/queues/{queue.slug}/bulk/?outcome=approved&all=yes"

    for path in (page(job), page(job, "news/"), "/bulk/", preview):
        assert client.get(path)["Location"].startswith("/accounts/login/?next=")
        shown = desk(alice).get(path)
        assert "no-store" in shown["Cache-Control"]
        text = shown.content.decode()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    for path in (page(job, "undo/"), page(job, "retry/"), page(job, "export/"), preview):
        assert client.post(path)["Location"].startswith("/accounts/login/")
        assert strict.post(path).status_code == 403
    for action in ("undo/", "retry/", "export/"):
        assert desk(alice).get(page(job, action)).status_code == 405
    events = AuditEvent.objects.filter(chain=f"bulk:{job.pk}").order_by("seq")
    assert list(events.values_list("kind")) == [("bulk.begun",)]


def test_the_page_of_a_review_says_that_it_was_decided_in_bulk(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    row = factories.review(queue)
    bulk.run(begun([row], alice).pk)

    assert b"Approved in a bulk decision" in desk(alice).get(f"/reviews/{row.pk}/").content
