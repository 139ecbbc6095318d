"""The outbox: leases and their fencing, results that come late, and the pauses before retries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.models import Decision, OutboxAttempt, OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.models.outbox import Detail
from approvals.records import database_time, outbox
from approvals.records.outbox import AttemptResult
from tests import factories
from tests.factories import actor
from tests.races import at_once

pytestmark = pytest.mark.django_db


def decide(outcome: str, by: User, **fields: Any) -> Decision:
    review, request = factories.review(), DecisionRequest(**fields)
    return decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=request).decision


def test_an_entry_is_leased_once_until_its_lease_runs_out(alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    entry = OutboxEntry.objects.get()

    first = outbox.lease(entry.pk)
    assert outbox.lease(entry.pk) is None
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    second = outbox.lease(entry.pk)

    assert (first.number, first.epoch, second.number, second.epoch) == (1, 1, 2, 2)
    fresh = OutboxEntry.objects.get()
    assert not outbox.still_ours(fresh, first)
    assert outbox.still_ours(fresh, second)
    assert OutboxAttempt.objects.filter(result="", ended_at=None).count() == 2


def leased_twice(by: User) -> tuple[outbox.Lease, outbox.Lease]:
    """Two attempts at one entry: the lease of the first has run out, and the second has taken over."""
    decide("approved", by, undo_seconds=0)
    entry = OutboxEntry.objects.get()
    first = outbox.lease(entry.pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    return first, outbox.lease(entry.pk)


def test_a_late_result_is_journalled_and_moves_nothing(alice: User) -> None:
    first, _ = leased_twice(alice)

    result = AttemptResult("throttled", "ThrottlingException", "request-1")
    concluded = factories.attempt_concluded(first, result, lambda _: outbox.parked(Detail.REFUSED))

    assert (concluded.verdict, concluded.entry.state) == (None, "sending")
    assert (concluded.is_parked, concluded.is_retried) == (False, False)
    attempt = OutboxAttempt.objects.get(number=1)
    assert (attempt.result, attempt.request_id) == ("throttled", "request-1")


def test_a_late_acceptance_settles_the_row_and_nothing_moves_it_any_more(alice: User) -> None:
    first, second = leased_twice(alice)

    factories.attempt_concluded(first, AttemptResult("accepted"), lambda _: None)
    later = factories.attempt_concluded(
        second, AttemptResult("closed"), lambda _: outbox.parked(Detail.REFUSED)
    )

    assert later.verdict is None
    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")
    assert set(OutboxAttempt.objects.values_list("result", flat=True)) == {"accepted", "closed"}


def test_the_holder_of_the_lease_moves_the_row_and_a_known_result_stays(alice: User) -> None:
    _, second = leased_twice(alice)

    undecided = factories.attempt_concluded(second, AttemptResult("closed"), lambda _: None)
    moved = factories.attempt_concluded(
        second, AttemptResult("history", if_unknown=True), lambda _: outbox.retrying(at_least=5)
    )

    assert undecided.verdict is None
    assert moved.is_retried
    assert moved.entry.not_before > database_time.now() + timedelta(seconds=4)
    assert OutboxAttempt.objects.get(number=2).result == "closed"


@pytest.mark.parametrize(
    ("meanwhile", "delivery"),
    [
        (outbox.settled(Detail.EXPIRED), ("closed_elsewhere", "expired")),
        (outbox.parked(Detail.REFUSED), ("parked", "refused")),
        (outbox.retrying(), ("waiting", "retrying")),
    ],
)
def test_what_was_moved_during_a_call_is_moved_again_by_a_proof_alone(
    meanwhile: outbox.Verdict, delivery: tuple[str, str], alice: User
) -> None:
    decide("approved", alice, undo_seconds=0)
    lease = outbox.lease(OutboxEntry.objects.get().pk)
    assert lease is not None
    factories.moved(OutboxEntry.objects.get(), meanwhile)

    concluded = factories.attempt_concluded(
        lease, AttemptResult("closed"), lambda _: outbox.parked(Detail.INVALID_TOKEN)
    )

    assert (concluded.verdict, concluded.is_retried, concluded.is_parked) == (None, False, False)
    assert OutboxEntry.objects.get().delivery == delivery
    assert OutboxAttempt.objects.get().result == "closed"

    factories.attempt_concluded(lease, AttemptResult("accepted"), lambda _: None)
    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")


def test_an_acceptance_that_an_earlier_attempt_got_settles_the_entry(alice: User) -> None:
    _, second = leased_twice(alice)
    OutboxAttempt.objects.filter(number=1).update(result="accepted")

    concluded = factories.attempt_concluded(
        second, AttemptResult("ambiguous"), lambda _: outbox.retrying()
    )

    assert concluded.entry.delivery == ("delivered", "acknowledged")


def test_only_a_reading_of_the_history_leaves_an_earlier_result(alice: User) -> None:
    _, lease = leased_twice(alice)
    for result, only_if_unknown, kept in (
        ("history", True, "history"),
        ("ambiguous", False, "ambiguous"),
        ("history", True, "ambiguous"),
        ("closed", False, "closed"),
    ):
        answer = AttemptResult(result, if_unknown=only_if_unknown)
        factories.attempt_concluded(lease, answer, lambda _: None)
        assert OutboxAttempt.objects.get(number=2).result == kept


@pytest.mark.parametrize("state", ["settled", "parked", "cancelled"])
def test_what_has_ended_is_never_leased(state: str, alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    OutboxEntry.objects.update(state=state, ended_at=Now())

    assert outbox.lease(OutboxEntry.objects.get().pk) is None


@pytest.mark.django_db(transaction=True)
def test_sixteen_senders_at_once_get_one_lease(alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    entry = OutboxEntry.objects.get()

    leases = at_once([lambda: outbox.lease(entry.pk)] * 16)

    assert sum(lease is not None for lease in leases) == 1
    assert OutboxAttempt.objects.count() == 1
