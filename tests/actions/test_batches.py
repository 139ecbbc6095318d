"""Batches of orders: a chunk of rows is written once, by the holder of the lease."""

from __future__ import annotations

import uuid

import pytest

from approvals.actions import batches as verbs
from approvals.actions.batches import Chunk, LeaseLost
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import AuditEvent, OrderBatch
from approvals.records import order_batches
from tests.order_batches import accepted, order, sums

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_a_turn_is_written_once_or_not_at_all() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)
    item = order_batches.Item(1, 1, "A-1", "order-A-1", '{"order_id":"A-1"}')
    verbs.record(turn, Chunk(items=[item]))

    with pytest.raises(LeaseLost):
        verbs.record(turn, Chunk(items=[item]))

    assert sums(batch) == {"read": 1, "under_way": 1}
    batch.refresh_from_db()
    assert batch.bytes_read == 0, "a chunk that says nothing of it adds nothing"


def test_a_batch_is_leased_to_one_process_until_it_is_given_back() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)

    assert verbs.take(batch.pk) is None
    verbs.give_back(turn)
    assert verbs.take(batch.pk).epoch > turn.epoch


def test_a_lease_that_was_taken_over_is_neither_renewed_nor_given_back() -> None:
    batch = accepted([order(1)])
    late, holder = verbs.take(batch.pk), verbs.take(batch.pk, seize=True)

    with pytest.raises(LeaseLost):
        verbs.renew(late)
    with pytest.raises(LeaseLost):
        verbs.pin(late, version="v-1", size=1, form="json")
    verbs.give_back(late)

    assert verbs.take(batch.pk) is None
    verbs.renew(holder)


def test_a_batch_that_was_not_stopped_is_not_resumed() -> None:
    batch = accepted([order(1)])
    before = AuditEvent.objects.count()

    assert verbs.resume(batch.pk, on_bad_row="stop", by=COMMAND_LINE).on_bad_row == "skip"
    with pytest.raises(Invalid, match="no batch of this id"):
        verbs.resume(uuid.uuid4(), on_bad_row="stop", by=COMMAND_LINE)

    assert AuditEvent.objects.count() == before


def test_a_batch_that_stopped_is_taken_at_once_when_it_is_resumed() -> None:
    batch = accepted([order(1)])
    verbs.record(verbs.take(batch.pk), Chunk(problem="Row 2 is no order."))

    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)

    assert verbs.take(batch.pk) is not None


def test_a_batch_that_is_read_stays_leased_until_it_is_given_back() -> None:
    batch = accepted([order(1)])
    turn = verbs.record(verbs.take(batch.pk), Chunk(at_end=True))

    assert verbs.take(batch.pk) is None
    verbs.give_back(turn)
    assert verbs.take(batch.pk) is not None


def test_a_batch_that_has_ended_is_not_taken() -> None:
    batch = accepted([order(1)])
    OrderBatch.objects.filter(pk=batch.pk).update(status="finished")

    assert verbs.take(batch.pk) is None
    assert verbs.take(batch.pk, seize=True) is None
