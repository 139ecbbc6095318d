"""Messages of several receives are stored in one transaction while the queue is full."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.exceptions import Unavailable
from approvals.gateways import sqs
from approvals.models import ReviewQueue, ReviewTask
from approvals.polling import poller
from approvals.polling.poller import MOST_AT_ONCE, Budget
from tests import factories

pytestmark = pytest.mark.django_db


class Sqs:
    """A queue of SQS in memory; what was received is not received again until it is shown."""

    def __init__(self, count: int) -> None:
        self.messages = [
            sqs.Message(f"m{number}", "r1", factories.received().body, factories.received().sent_at)
            for number in range(count)
        ]
        self.waits: list[int] = []
        self.deleted: list[list[str]] = []
        self.refuses_receive: int | None = None
        self._next = 0

    def receive(self, _: Any, url: str, *, wait_seconds: int, limit: int) -> list[sqs.Message]:
        self.waits.append(wait_seconds)
        if len(self.waits) == self.refuses_receive:
            raise Unavailable("SQS does not answer")
        found = self.messages[self._next : self._next + min(limit, sqs.BATCH)]
        self._next += len(found)
        return found

    def delete(self, _: Any, url: str, messages: list[sqs.Message]) -> list[str]:
        assert len(messages) <= sqs.BATCH
        self.deleted.append([message.receipt_handle for message in messages])
        return []


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    """A queue with more messages than are taken at once."""
    made = Sqs(MOST_AT_ONCE + 15)
    monkeypatch.setattr(sqs, "receive", made.receive)
    monkeypatch.setattr(sqs, "delete", made.delete)
    return made


def statements(queue: ReviewQueue, limit: int) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        poller.poll_once(queue, wait_seconds=5, limit=limit)
    return sum(
        not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in captured.captured_queries
    )


def test_five_receives_of_a_full_queue_are_stored_by_as_many_statements_as_one(
    queue: ReviewQueue, full: Sqs
) -> None:
    one = statements(queue, sqs.BATCH)
    five = statements(queue, MOST_AT_ONCE)

    assert one == five <= 4
    assert ReviewTask.objects.count() == sqs.BATCH + MOST_AT_ONCE
    assert [len(part) for part in full.deleted] == [10] * 6
    assert full.waits == [5, 5, 0, 0, 0, 0]  # only the first of a poll waits for a message


def test_a_receive_that_is_not_full_is_the_last_one(queue: ReviewQueue, full: Sqs) -> None:
    full.messages = full.messages[:23]

    assert poller.poll_once(queue, wait_seconds=0, limit=MOST_AT_ONCE) == 23
    assert (len(full.waits), [len(part) for part in full.deleted]) == (3, [10, 10, 3])


def test_what_was_received_before_sqs_fails_is_stored_and_deleted(
    queue: ReviewQueue, full: Sqs
) -> None:
    full.refuses_receive = 3

    assert poller.poll_once(queue, wait_seconds=0, limit=MOST_AT_ONCE) == 20
    assert ReviewTask.objects.count() == sum(map(len, full.deleted)) == 20


def test_a_message_that_comes_twice_in_a_poll_is_one_and_is_deleted_by_its_latest_handle(
    queue: ReviewQueue, full: Sqs
) -> None:
    again = sqs.Message("m0", "r2", full.messages[0].body, full.messages[0].sent_at)
    full.messages = [*full.messages[:10], again]

    assert poller.poll_once(queue, wait_seconds=0, limit=MOST_AT_ONCE) == 10
    assert sorted(receipt for part in full.deleted for receipt in part) == ["r1"] * 9 + ["r2"]


def test_long_messages_are_not_collected(
    queue: ReviewQueue, full: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "MOST_CHARACTERS", 1_000)

    assert poller.poll_once(queue, wait_seconds=0, limit=MOST_AT_ONCE) == sqs.BATCH


def test_a_limited_number_is_taken_in_parts_that_leave_others_some(
    queue: ReviewQueue, full: Sqs
) -> None:
    poller.poll_forever(queue, threading.Event(), Budget(15))

    assert [len(part) for part in full.deleted] == [10, 5]
