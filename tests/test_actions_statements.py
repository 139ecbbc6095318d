"""How many statements a verb sends: its lock, its facts, its one write, and little more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, decisions, discussion, intake, lifecycle
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import idempotency
from tests import factories
from tests.callers import Caller
from tests.factories import actor

pytestmark = pytest.mark.django_db

KEY = idempotency.Key(
    principal="user:1", key="k", request="POST /x/", body_sha256=b"1" * 32, status=201
)


def decide(review: ReviewTask, by: User, **options: Any) -> ReviewTask:
    request = decisions.DecisionRequest(reason="It is right.", edits={})
    return decisions.decide(review.pk, Outcome.APPROVED, by=actor(by), request=request, **options)


@pytest.fixture
def review(alice: User) -> ReviewTask:
    """A review with an undo window."""
    return factories.review(factories.queue("undoable", undo_seconds=60))


class statements(CaptureQueriesContext):  # noqa: N801
    """The statements sent inside, without those that begin and end transactions."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def captured_queries(self) -> list[dict[str, str]]:
        """The captured statements."""
        ends = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
        return [q for q in super().captured_queries if not (q["sql"] or "").startswith(ends)]


@pytest.mark.parametrize(
    ("verb", "most"),
    [
        (decide, 3),
        (lambda review, by: decide(review, by, key=KEY), 4),
        (lambda review, by: assignment.claim(review.pk, by=actor(by)), 3),
        (lambda review, by: assignment.claim_next(ReviewTask.objects.all(), by=actor(by)), 3),
        (lambda review, by: discussion.comment(review.pk, "Seen.", by=actor(by)), 3),
        (lambda review, by: lifecycle.expire(review.pk, proof={"fate": "expired"}), 3),
    ],
    ids=["decide", "decide under a key", "claim", "claim next", "comment", "expire"],
)
def test_a_verb_locks_reads_and_writes_once(
    review: ReviewTask, verb: Callable[[ReviewTask, User], Any], most: int
) -> None:
    lena = factories.user("lena@example.com", "lead", review.queue)
    with statements() as log:
        verb(review, lena)

    assert len(log) <= most, [each["sql"] for each in log.captured_queries]


@pytest.mark.parametrize("verb", [assignment.renew, assignment.release])
def test_the_holder_of_a_claim_sends_no_more(
    review: ReviewTask, verb: Callable[..., ReviewTask]
) -> None:
    lena = factories.user("lena@example.com", "lead", review.queue)
    assignment.claim(review.pk, by=actor(lena))
    with statements() as log:
        verb(review.pk, by=actor(lena))

    assert len(log) <= 3, [each["sql"] for each in log.captured_queries]


def test_ten_messages_become_reviews_with_four_statements(queue: ReviewQueue) -> None:
    batch = [factories.received() for _ in range(10)]

    with statements() as log:
        taken = intake.accept(queue, batch)

    assert taken.reviews == 10
    assert len(log) <= 4, [each["sql"][:200] for each in log.captured_queries]


def test_an_undo_reads_the_decision_and_its_entry_besides(review: ReviewTask) -> None:
    lena = factories.user("lena@example.com", "lead", review.queue)
    decided = decide(review, lena)
    assert decided.decision_id is not None

    with statements() as log:
        decisions.undo(decided.decision_id, by=actor(lena))

    assert len(log) <= 6, [each["sql"] for each in log.captured_queries]


def test_a_decision_over_http_takes_two_statements_more_than_the_verb(
    api: Caller, queue: ReviewQueue
) -> None:
    """The token with its rate limit, and what the answer shows beyond the row."""
    review = factories.review(queue)
    api.get("queues/")  # the first use of a token in a minute is written down

    with statements() as log:
        answer = api.post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"})

    assert answer.status_code == 201
    assert len(log) <= 5, [entry["sql"] for entry in log]
