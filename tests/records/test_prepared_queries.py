"""A prepared query finds what its query set finds, and its SQL is composed once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import ReviewQueue, ReviewTask
from approvals.records.prepared_queries import Prepared, PreparedError
from tests import factories

pytestmark = pytest.mark.django_db


def rows(
    queues: Sequence[UUID], since: datetime, reference: str = "", newest: bool = False
) -> QuerySet[ReviewTask]:
    """Reviews of these queues; values of each kind, a condition that a value switches, and a constant."""
    found = ReviewTask.objects.filter(queue__in=queues, received_at__gte=since, priority=0)
    found = found.filter(reference=reference) if reference else found
    found = found.select_related("queue").annotate(asked=Now(), next=F("version") + 1)
    return found.order_by("-received_at" if newest else "received_at")[:5]


@pytest.fixture
def reviews(queue: ReviewQueue) -> list[ReviewTask]:
    """Two reviews of one queue and one of another."""
    other = factories.queue("other")
    return [factories.review(queue), factories.review(queue), factories.review(other)]


def test_it_finds_what_the_query_set_finds(reviews: list[ReviewTask]) -> None:
    prepared = Prepared(rows)
    since = reviews[0].received_at
    one, both = [reviews[0].queue_id], [reviews[0].queue_id, reviews[2].queue_id]
    asked: list[dict[str, Any]] = [
        {"queues": one, "since": since},
        {"queues": both, "since": since},
        {"queues": both, "since": since, "newest": True},
        {"queues": one, "since": since, "newest": True},
        {"queues": both, "since": reviews[1].received_at},
        {"queues": both, "since": since, "reference": reviews[2].reference},
        {"queues": both, "since": since, "reference": "x') OR 1=1 --"},
        {"queues": [uuid4()], "since": since},
        {"queues": [], "since": since},
        {"queues": both, "since": since + timedelta(days=1)},
    ]

    for values in asked * 2:
        assert prepared(**values) == list(rows(**values)), values


def test_a_row_has_its_related_row_and_its_annotations(reviews: list[ReviewTask]) -> None:
    prepared = Prepared(rows)

    with CaptureQueriesContext(
        connection,
    ) as sent:
        (found,) = prepared(queues=[reviews[2].queue_id], since=reviews[0].received_at)
        row: Any = found
        assert (row.queue.slug, row.next) == ("other", row.version + 1)
        assert row.asked >= row.received_at

    assert len(sent) == 1


def test_its_sql_is_composed_once(
    reviews: list[ReviewTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = Prepared(rows)
    values: dict[str, Any] = {"queues": [reviews[0].queue_id], "since": reviews[0].received_at}
    assert len(prepared(**values)) == 2

    def composed(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(SQLCompiler, "as_sql", composed)
    assert len(prepared(**values)) == 2
    assert len(prepared(queues=[reviews[2].queue_id], since=reviews[0].received_at)) == 1


def test_a_query_that_takes_the_time_in_python_is_refused() -> None:
    def recent(queue: UUID) -> QuerySet[ReviewTask]:
        return ReviewTask.objects.filter(queue=queue, received_at__gte=timezone.now())

    with pytest.raises(PreparedError, match="not the same each time"):
        Prepared(recent)(queue=uuid4())


def test_a_query_that_computes_with_a_value_is_refused() -> None:
    def named(reference: str) -> QuerySet[ReviewTask]:
        return ReviewTask.objects.filter(reference=reference.upper())

    with pytest.raises(PreparedError, match="does not use each value as it is"):
        Prepared(named)(reference="ord-1")
