"""Heartbeats are claimed under one quota, and by one process each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from approvals.models import Heartbeat, RateBucket, ReviewQueue, ReviewTask
from approvals.records import heartbeats, service_quotas
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def living(db: None) -> ReviewQueue:
    """A queue whose workflow has HeartbeatSeconds 30."""
    return factories.queue("living", heartbeat_seconds=30)


def test_the_quota_is_one_for_all_processes(
    living: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(service_quotas.QUOTAS, "us-east-1", 20)
    for _ in range(30):
        factories.review(living)
    heartbeats.enroll([living])
    RateBucket.objects.all().delete()

    first, second = heartbeats.claim([living], limit=8), heartbeats.claim([living], limit=8)

    assert len(first) == 8
    assert 2 <= len(second) < 8
    assert not {b.review for b in first} & {b.review for b in second}


def test_only_the_reviews_of_the_last_minute_are_enrolled_unless_thoroughly(
    living: ReviewQueue,
) -> None:
    old, new = factories.review(living), factories.review(living)
    ReviewTask.objects.filter(pk=old.pk).update(received_at=Now() - timedelta(minutes=2))

    assert heartbeats.enroll([living]) == 1
    assert list(Heartbeat.objects.values_list("review", flat=True)) == [new.pk]

    assert heartbeats.enroll([living], thoroughly=True) == 1
    assert heartbeats.enroll([living], thoroughly=True) == 0
    assert heartbeats.load([living]) == [heartbeats.Load(living, 2, 2, 2_500)]


def test_a_token_that_a_state_machine_of_another_list_waits_for_is_not_kept_alive(
    living: ReviewQueue,
) -> None:
    factories.review(living)
    machines = ["arn:aws:states:us-east-1:123456789012:stateMachine:other"]
    ReviewQueue.objects.update(state_machine_arns=machines)
    heartbeats.enroll([living])

    assert heartbeats.claim([living], limit=9) == []


def test_a_claim_reads_nothing_of_messages_but_their_tokens(living: ReviewQueue) -> None:
    factories.review(living)
    heartbeats.enroll([living])

    with CaptureQueriesContext(connection) as read:
        assert len(heartbeats.claim([living], limit=8)) == 1

    for column in ReviewTask.OF_THE_MESSAGE:
        assert not any(f'"{column}"' in each["sql"] for each in read.captured_queries)
