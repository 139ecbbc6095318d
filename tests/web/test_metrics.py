"""The metrics of a web process."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from approvals.models import ReviewQueue
from approvals.records import heartbeats
from tests import factories
from tests.web.absent_database import away


@pytest.mark.django_db
def test_without_a_database_metrics_tell_what_the_process_knows() -> None:
    with away(OperationalError):
        page = Client().get("/metrics")

    assert page.status_code == 200
    assert b"django_http_requests" in page.content


def test_the_open_tokens_of_each_queue_with_heartbeats_are_counted(queue: ReviewQueue) -> None:
    living = factories.queue("living", heartbeat_seconds=60)
    for of in (queue, living, living):
        factories.review(of)
    heartbeats.enroll([living])

    page = Client().get("/metrics").content.decode()

    assert 'countersign_heartbeat_open_tokens{queue="living"} 2.0' in page
    assert f'queue="{queue.slug}"' not in page
