"""What a response shows beyond the rows of reviews: one statement, however many reviews there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.actions import decisions
from approvals.api import surroundings
from approvals.models import ExecutionSnapshot, OutboxEntry, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import database_time
from tests import factories

pytestmark = pytest.mark.django_db

ARN = "arn:aws:states:eu-west-1:123456789012:execution:orders:"
VERSION = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders:7"


def test_deliveries_versions_and_the_time_of_many_reviews_take_one_statement(
    queue: ReviewQueue, alice: User
) -> None:
    reviews = [factories.review(queue, executionArn=f"{ARN}{number}") for number in range(4)]
    ExecutionSnapshot.objects.filter(execution_arn=f"{ARN}0").update(
        state_machine_version_arn=VERSION
    )
    for review in reviews[:2]:
        decisions.decide(review.pk, Outcome.APPROVED, by=factories.actor(alice))
        review.refresh_from_db()

    with CaptureQueriesContext(
        connection,
    ) as sent:
        around = surroundings.around([*reviews, reviews[0]])

    assert len(sent) == 1
    assert around.versions == {f"{ARN}0": VERSION}
    entries = {entry.subject: entry for entry in OutboxEntry.objects.all()}
    assert around.deliveries == {
        review.decision_id: entries[review.decision_id] for review in reviews[:2]
    }
    assert abs((around.now - database_time.now()).total_seconds()) < 60


def test_no_reviews_have_the_time_alone() -> None:
    around = surroundings.around([])

    assert (around.deliveries, around.versions) == ({}, {})
    assert abs((around.now - database_time.now()).total_seconds()) < 60
