"""The lease of a callback: what is due and admitted is leased once, journalled and read in one statement."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.models import (
    Breaker,
    OutboxAttempt,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.models.ids import uuid7
from approvals.records import callback_leases, database_time
from tests import factories
from tests.factories import actor
from tests.races import at_once
from tests.waiting_reviews import AT_ONCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def entry(alice: User) -> OutboxEntry:
    """The entry of a decision that may be sent now."""
    review = factories.review(taskToken="token-000111222333")
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice, "api"), request=AT_ONCE)
    return OutboxEntry.objects.get()


def open_breaker(queue: ReviewQueue, *, probe_in: float) -> Breaker:
    now = database_time.now()
    return Breaker.objects.create(
        queue=queue, strikes=3, opened_at=now, retry_at=now + timedelta(seconds=probe_in)
    )


def test_a_lease_is_journalled_and_has_the_review_with_its_queue(entry: OutboxEntry) -> None:
    lease = callback_leases.take(entry.pk)

    assert isinstance(lease, callback_leases.CallbackLease)
    assert (lease.number, lease.epoch, lease.entry.state) == (1, 1, "sending")
    assert bytes(lease.entry.payload) == bytes(entry.payload)
    assert (lease.review.decision_id, lease.review.queue.slug) == (entry.subject, "manual-review")
    assert bytes(lease.review.sealed_token)
    assert lease.review.get_deferred_fields() == set(ReviewTask.OF_THE_MESSAGE)
    assert OutboxAttempt.objects.get().result == ""
    assert callback_leases.take(entry.pk) is None


@pytest.mark.parametrize("change", [{"not_before": "later"}, {"state": "parked"}])
def test_what_is_not_due_is_not_leased(change: dict[str, str], entry: OutboxEntry) -> None:
    later = Now() + timedelta(minutes=1)
    values = {"not_before": later} if "not_before" in change else {**change, "ended_at": Now()}
    OutboxEntry.objects.update(**values)

    assert callback_leases.take(entry.pk) is None
    assert OutboxAttempt.objects.count() == 0


def test_another_kind_of_entry_is_not_leased() -> None:
    start = factories.outbox_entry(
        OutboxEntry.Kind.START, uuid7(), b"{}", not_before=database_time.now()
    )

    assert callback_leases.take(start.pk) is None


def test_a_lease_that_ran_out_is_taken_over_with_a_new_epoch(entry: OutboxEntry) -> None:
    callback_leases.take(entry.pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))

    again = callback_leases.take(entry.pk)

    assert again is not None
    assert (again.number, again.epoch) == (2, 2)


def test_of_sixteen_senders_one_gets_the_lease(entry: OutboxEntry) -> None:
    leases = at_once([lambda: callback_leases.take(entry.pk)] * 16)

    assert sum(lease is not None for lease in leases) == 1
    assert OutboxAttempt.objects.count() == 1


def test_an_open_breaker_admits_one_probe_when_its_time_has_come(
    queue: ReviewQueue, entry: OutboxEntry
) -> None:
    breaker = open_breaker(queue, probe_in=60)
    assert callback_leases.take(entry.pk) is None

    Breaker.objects.update(retry_at=Now())
    assert callback_leases.take(entry.pk) is not None

    OutboxEntry.objects.update(lease_until=Now())
    assert callback_leases.take(entry.pk) is None, "the next probe waits"
    breaker.refresh_from_db()
    assert breaker.retry_at is not None
    assert breaker.retry_at > database_time.now()


def test_strikes_of_a_closed_breaker_hold_nothing_back(
    queue: ReviewQueue, entry: OutboxEntry
) -> None:
    Breaker.objects.create(queue=queue, strikes=2)

    assert callback_leases.take(entry.pk) is not None


def test_it_waits_for_no_lock(queue: ReviewQueue, entry: OutboxEntry) -> None:
    open_breaker(queue, probe_in=-1)
    for rows in (OutboxEntry.objects.all(), Breaker.objects.all()):
        found: list[object] = []

        def take(found: list[object] = found) -> None:
            found.append(callback_leases.take(entry.pk))
            connection.close()

        thread = threading.Thread(target=take)
        with transaction.atomic():
            list(rows.select_for_update())
            thread.start()
            thread.join(5)
            assert found == [None]
