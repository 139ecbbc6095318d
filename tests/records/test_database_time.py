"""The clock of the database: it goes on inside a transaction, and rows are compared with it."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from approvals.models import ReviewQueue
from approvals.records import database_time

pytestmark = pytest.mark.django_db


def test_every_statement_of_a_transaction_reads_a_later_time(queue: ReviewQueue) -> None:
    with transaction.atomic():
        first = database_time.now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")
        second = database_time.now()

    assert (second - first).total_seconds() >= 0.01
    assert second.tzinfo is not None


def test_it_is_the_clock_that_rows_are_compared_with(queue: ReviewQueue) -> None:
    before = database_time.now()
    ReviewQueue.objects.update(created_at=Now())

    assert before < ReviewQueue.objects.get().created_at < database_time.now()
