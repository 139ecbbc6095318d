"""What a response shows of a bulk decision is what the OpenAPI document says, in few statements."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import bulk
from approvals.api import bulk_presentation, schema_examples
from approvals.api.serializers.bulk_decisions import BulkDecisionAnswer, BulkItemAnswer
from approvals.models import BulkJob, ReviewQueue, User
from tests import factories
from tests.bulk import begun

pytestmark = pytest.mark.django_db


def test_it_has_the_members_of_the_document_and_of_its_example(
    queue: ReviewQueue, alice: User
) -> None:
    shown = bulk_presentation.bulk_decision(begun([factories.review(queue)], alice))

    example = schema_examples.ANSWERS[BulkDecisionAnswer]
    assert list(shown) == list(BulkDecisionAnswer().fields) == list(example)
    assert list(shown["items"][0]) == list(BulkItemAnswer().fields) == list(example["items"][0])
    assert list(shown["counts"]) == list(example["counts"])


def test_its_reviews_cost_one_statement(queue: ReviewQueue, alice: User) -> None:
    job = begun([factories.review(queue) for _ in range(5)], alice)
    bulk.run(job.pk)
    job = BulkJob.objects.get(pk=job.pk)

    with CaptureQueriesContext(connection) as log:
        shown = bulk_presentation.bulk_decision(job)

    assert shown["counts"]["decided"] == 5
    assert len(log) <= 3, log.captured_queries
