"""Reviews: what the database refuses of them, and which of them a filter finds."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment
from approvals.models import ReviewTask, User, review_search
from approvals.records import database_time
from tests import factories
from tests.factories import actor
from tests.models.constraints import again, assert_frozen, assert_refused

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("review_decided_means_decision", {"status": "approved"}),
        ("review_decided_means_decision", {"status": "rejected"}),
        ("review_lease_is_whole", {"lease_id": uuid4()}),
        ("review_lease_is_whole", {"lease_expires_at": Now()}),
    ],
)
def test_a_pending_review_is_whole(constraint: str, columns: dict[str, Any]) -> None:
    factories.review()

    assert_refused(constraint, lambda: ReviewTask.objects.update(**columns))


def test_a_decided_review_has_a_decision_and_no_lease(decided: ReviewTask, alice: User) -> None:
    rows = ReviewTask.objects.all()
    held = {"assignee": alice, "lease_id": uuid4(), "lease_expires_at": Now()}

    assert_refused("review_decided_means_decision", lambda: rows.update(decision=None))
    assert_refused("review_decided_means_decision", lambda: rows.update(status="pending"))
    assert_refused("review_lease_only_while_pending", lambda: rows.update(**held))


def test_a_token_makes_one_review(decided: ReviewTask) -> None:
    assert_refused(
        "token_fingerprint",
        lambda: again(ReviewTask.objects.get(), decision=None, status="pending"),
    )


@pytest.mark.parametrize(
    "change", ["token_fingerprint = '\\x00'", "payload = '{}'", "raw_body_sha256 = '\\x00'"]
)
def test_what_a_message_said_never_changes(change: str, decided: ReviewTask) -> None:
    assert_frozen(ReviewTask, change)


@pytest.mark.django_db(transaction=True)
def test_a_claim_compares_no_payload(alice: User) -> None:
    """To compare one of a megabyte, PostgreSQL unpacks it twice."""
    review = factories.review()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE tgname = 'frozen' AND tgrelid = 'approvals_reviewtask'::regclass"
        )
        (definition,) = cursor.fetchone()

    assert "BEFORE UPDATE OF token_fingerprint, payload, raw_body_sha256 ON" in definition
    with CaptureQueriesContext(connection) as asked:
        assignment.claim(review.pk, by=actor(alice))
    changes = [one["sql"] for one in asked.captured_queries if "UPDATE" in one["sql"]]
    assert changes
    assert not any("payload" in change for change in changes if "FOR UPDATE" not in change)


def test_a_review_is_held_as_long_as_its_lease_runs(alice: User) -> None:
    assignment.claim(factories.review().pk, by=actor(alice))
    reviews = ReviewTask.objects.all()
    assert (reviews.held_by(alice).count(), reviews.unclaimed().count()) == (1, 0)
    assert reviews.get().is_held(database_time.now())

    reviews.update(lease_expires_at=Now())

    assert (reviews.held_by(alice).count(), reviews.unclaimed().count()) == (0, 1)
    assert not reviews.get().is_held(database_time.now())


def test_a_deadline_that_is_only_a_default_never_passes() -> None:
    stated, default = factories.review(), factories.review(timeoutSeconds=None)
    reviews = ReviewTask.objects.all()
    assert reviews.before_deadline().count() == 2
    reviews.update(deadline_at=Now())

    assert list(reviews.before_deadline()) == [default]
    now = database_time.now()
    past = [reviews.get(pk=row.pk).is_past_deadline(now) for row in (stated, default)]
    assert past == [True, False]


@pytest.mark.parametrize(("seconds", "margin"), [(3600, 60), (240, 60), (40, 10)])
def test_it_is_decided_a_minute_before_its_deadline_or_a_quarter_of_its_time(
    seconds: int, margin: int
) -> None:
    review = factories.review(timeoutSeconds=seconds)

    assert review.margin_before_deadline.total_seconds() == margin


@pytest.mark.parametrize("text", ["ord-7", "LOOK", "grace", "fraud"])
def test_a_review_is_found_by_a_piece_of_what_a_page_shows_of_it(text: str) -> None:
    factories.queue(fields=[{"path": "input.customer.name", "role": "customer"}])
    found = factories.review(orderId="ORD-7", title="Look at this")
    factories.review(orderId="8", title="", error=None, input={})

    assert list(ReviewTask.objects.matching(text)) == [found]


@pytest.mark.parametrize(
    ("title", "reference", "heading"),
    [("Look at this", "ORD-7", "Look at this"), ("", "ORD-7", "ORD-7")],
)
def test_its_heading_is_its_title_or_its_reference(
    title: str, reference: str, heading: str
) -> None:
    assert ReviewTask(title=title, reference=reference).heading == heading


def test_without_either_its_heading_is_its_id() -> None:
    review = ReviewTask()

    assert review.heading == str(review.pk)


@pytest.mark.parametrize(
    ("payload", "order"),
    [
        ({"a": 1, "input": {"b": 2}}, {"b": 2}),
        ({"a": 1, "input": {}}, {"a": 1, "input": {}}),
        ({"a": 1, "input": "text"}, {"a": 1, "input": "text"}),
        (["no object"], ["no object"]),
    ],
)
def test_its_order_is_the_input_of_the_message_or_else_the_message(
    payload: Any, order: Any
) -> None:
    assert ReviewTask(payload=payload).order == order


def test_a_row_that_is_shown_has_no_sealed_bytes(decided: ReviewTask) -> None:
    row = ReviewTask.objects.all().without_secrets().get()

    assert row.get_deferred_fields() == {
        "raw_body",
        "raw_body_sha256",
        "sealed_extras",
        "sealed_token",
        "token_fingerprint",
    }


def test_a_later_decision_learns_who_decided_what_and_of_one_without_a_person_the_system(
    decided: ReviewTask,
) -> None:
    details = decided.outcome_details()
    assert (details["status"], details["outcome"]) == ("approved", "approved")
    assert details["by"] == "alice@example.com"

    decided.decision.by = None

    assert decided.outcome_details()["by"] == "system"
    assert ReviewTask(status="expired").outcome_details() == {"status": "expired"}


@pytest.mark.parametrize("few", [0, 1, 2_000])
def test_a_text_finds_the_same_reviews_whether_few_or_many_have_it(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_search, "FEW", few)
    for name, error in (("ORD-77", "StockGone"), ("ORD-78", "Fraud"), ("X-1", "Fraud")):
        factories.review(orderId=name, error=error)

    def found(text: str) -> list[str]:
        rows = ReviewTask.objects.with_text(text).order_by("reference")
        return list(rows.values_list("reference", flat=True))

    assert found("ord-7") == ["ORD-77", "ORD-78"]
    assert found("FRAUD") == ["ORD-78", "X-1"]
    assert found("nowhere") == []


def test_one_or_two_letters_are_looked_for_at_the_beginning() -> None:
    factories.review(orderId="ORD-77", error="StockGone")

    def found(text: str) -> bool:
        return ReviewTask.objects.matching(text).exists()

    assert [text for text in ("OR", "or", "s", "77", "%", "RD-", "77x") if found(text)] == [
        "OR",
        "or",
        "s",
        "RD-",
    ]
