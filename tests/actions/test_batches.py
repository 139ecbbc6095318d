"""Batches of orders: a chunk of rows is written once, by the holder of the lease."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from approvals.actions import batch_executions
from approvals.actions import batches as verbs
from approvals.actions.batches import Chunk, LeaseLost
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid
from approvals.models import AuditEvent, OrderBatch
from approvals.records import audit, database_time, execution_names
from approvals.records.order_batches import Item, Lines
from tests.order_batches import accepted, order, read, sums
from tests.starts import REGION

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


@pytest.fixture
def maps(settings: Settings) -> None:
    """Distributed Maps may be started: there is a state machine for them, and a bucket for their orders."""
    settings.DAILY_ORDERS_STATE_MACHINE_ARN = f"{REGION}:stateMachine:daily-orders"
    settings.ORDER_BUCKETS = ["daily-orders"]


def item(number: int) -> Item:
    """The order `A-<number>` as a row that was read."""
    order_id = f"A-{number}"
    text = json.dumps({"order_id": order_id})
    return Item(number, number, order_id, execution_names.of_order(order_id), text)


def versions() -> list[Any]:
    """The place of each batch in its table, which changes with every write."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, ctid::text FROM approvals_orderbatch ORDER BY id")
        return list(cursor.fetchall())


def test_a_turn_is_written_once_or_not_at_all() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)
    verbs.record(turn, Chunk(items=[item(1)]))

    with pytest.raises(LeaseLost):
        verbs.record(turn, Chunk(items=[item(1)]))

    assert sums(batch) == {"read": 1, "under_way": 1}
    batch.refresh_from_db()
    assert batch.bytes_read == 0, "a chunk that says nothing of it adds nothing"
    assert batch.status == "reading", "nor is it the last one"


def test_a_batch_is_leased_to_one_process_until_it_is_given_back() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)

    assert verbs.take(batch.pk) is None
    verbs.give_back(turn)
    assert verbs.take(batch.pk).epoch == turn.epoch + 1


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


def test_nothing_is_recorded_of_a_batch_that_has_ended() -> None:
    turn = verbs.take(accepted([order(1)]).pk)
    OrderBatch.objects.update(status="finished", ended_at=Now())

    with pytest.raises(LeaseLost):
        verbs.pin(turn, version="v-1", size=1, form="json")


def test_nothing_is_recorded_after_the_last_chunk() -> None:
    batch = accepted([order(1)])
    turn = verbs.record(verbs.take(batch.pk), Chunk(at_end=True))

    with pytest.raises(LeaseLost):
        verbs.record(turn, Chunk(items=[item(1)]))


def test_after_a_crash_another_process_reads_on_in_half_a_minute() -> None:
    batch = accepted([order(1)])

    before = database_time.now()
    lease_until = verbs.take(batch.pk).batch.lease_until
    after = database_time.now()

    half_a_minute = timedelta(seconds=30)
    assert before + half_a_minute <= lease_until <= after + half_a_minute


def test_a_batch_that_has_ended_is_not_taken() -> None:
    batch = accepted([order(1)])
    OrderBatch.objects.filter(pk=batch.pk).update(status="finished", ended_at=Now())

    assert verbs.take(batch.pk) is None
    assert verbs.take(batch.pk, seize=True) is None


def test_giving_one_batch_back_leaves_others_leased() -> None:
    batch, other = accepted([order(1)]), accepted([order(2)])
    turn, kept = verbs.take(batch.pk), verbs.take(other.pk)
    assert turn.epoch == kept.epoch

    verbs.give_back(turn)

    assert verbs.take(other.pk) is None


def test_renewing_extends_the_lease_of_this_batch_alone() -> None:
    batch, other = accepted([order(1)]), accepted([order(2)])
    turn = verbs.take(batch.pk)
    verbs.take(other.pk)
    soon = database_time.now() + timedelta(seconds=1)
    OrderBatch.objects.update(lease_until=soon)

    verbs.renew(turn)

    batch.refresh_from_db()
    other.refresh_from_db()
    assert batch.lease_until - soon > verbs.LEASE / 2
    assert other.lease_until == soon


def test_the_lease_of_a_batch_that_has_ended_is_not_renewed() -> None:
    turn = verbs.take(accepted([order(1)]).pk)
    OrderBatch.objects.update(status="finished", ended_at=Now())

    with pytest.raises(LeaseLost):
        verbs.renew(turn)


def test_a_problem_is_noted_once_and_of_its_batch_alone() -> None:
    batch, other = accepted([order(1)]), accepted([order(2)])

    verbs.note_problem(batch.pk, "The bucket does not answer.")
    stored = versions()
    verbs.note_problem(batch.pk, "The bucket does not answer.")

    assert versions() == stored
    other.refresh_from_db()
    assert other.problem == ""


def test_lines_are_counted_up_to_the_last_chunk_that_says_so() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)

    turn = verbs.record(turn, Chunk(lines=Lines(lines=5, blank=2, continuation=1)))
    verbs.record(turn, Chunk())

    batch.refresh_from_db()
    assert (batch.lines, batch.blank_lines, batch.continuation_lines) == (5, 2, 1)


def test_what_is_written_to_a_batch_extends_its_lease() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)
    soon = database_time.now() + timedelta(seconds=1)
    OrderBatch.objects.filter(pk=batch.pk).update(lease_until=soon)

    verbs.record(turn, Chunk())

    batch.refresh_from_db()
    assert batch.lease_until - soon > verbs.LEASE / 2


def test_orders_of_a_map_that_was_handed_over_are_in_no_second_one(maps: None) -> None:
    batch = accepted([order(1)], "map")
    turn = verbs.record(verbs.take(batch.pk), Chunk(items=[item(1)], problem="No order."))
    verbs.give_back(verbs.hand_over(turn, b"{}"))
    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)

    turn = verbs.record(verbs.take(batch.pk), Chunk(items=[item(2)], at_end=True))
    verbs.hand_over(turn, b"{}")

    assert list(batch.executions.order_by("number").values_list("orders", flat=True)) == [1, 1]


def test_what_became_of_a_batch_is_in_its_trail(maps: None) -> None:
    batch = accepted([order(1)], "map")
    turn = verbs.pin(verbs.take(batch.pk), version="v-1", size=9, form="json")
    verbs.record(turn, Chunk(items=[item(1)], problem="No order."))
    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)
    turn = verbs.record(verbs.take(batch.pk), Chunk(at_end=True))
    verbs.hand_over(turn, b"{}")

    found = AuditEvent.objects.filter(chain=audit.chain(batch)).order_by("seq")
    kinds = [event.kind.removeprefix("batch.") for event in found]
    assert kinds == ["accepted", "pinned", "rows_read", "stopped", "resumed", "read", "handed_over"]
    by_kind = dict(zip(kinds, found, strict=True))
    assert by_kind["stopped"].data["trouble"] == "No order."
    assert "trouble" not in by_kind["read"].data
    assert by_kind["handed_over"].data["orders"] == 1
    by_people = [kind for kind in kinds if by_kind[kind].surface == "command"]
    assert by_people == ["accepted", "resumed"]


def test_a_map_is_started_with_the_input_of_which_the_digest_is_kept(maps: None) -> None:
    batch = accepted([order(1)], "map")
    turn = verbs.record(verbs.take(batch.pk), Chunk(items=[item(1)], at_end=True))

    verbs.hand_over(turn, b"the orders")

    execution = batch.executions.get()
    assert bytes(execution.input_sha256) == hashlib.sha256(b"the orders").digest()


def test_a_long_problem_stops_a_batch_with_its_beginning() -> None:
    batch = accepted([order(1)])

    verbs.record(verbs.take(batch.pk), Chunk(problem="No order. " * 100))

    batch.refresh_from_db()
    assert (batch.status, len(batch.trouble)) == ("stopped", 300)
    assert batch.trouble.startswith("No order. ")


def test_a_batch_is_finished_when_it_is_read_and_the_ends_of_its_executions_are_known() -> None:
    batch = accepted([order(1)], "batches")
    assert not verbs.finish(batch.pk), "it is not read yet"
    read(batch)
    lanes.drain("executions")
    execution = batch.executions.get()
    batch_executions.record_outcomes(execution.pk, [batch_executions.Outcome(1)])

    assert not verbs.finish(batch.pk)

    batch_executions.end(execution.pk, "succeeded")
    assert verbs.finish(batch.pk)


def test_orders_that_a_map_has_not_reported_are_released_500_at_a_time(maps: None) -> None:
    batch = accepted([order(1)], "map")
    items = [item(number) for number in range(1, 502)]
    verbs.hand_over(verbs.record(verbs.take(batch.pk), Chunk(items, at_end=True)), b"{}")
    execution = batch.executions.get()

    assert [batch_executions.release(execution.pk, {}) for _ in range(3)] == [500, 1, 0]


def test_a_map_without_an_order_is_not_started(maps: None) -> None:
    batch = accepted([order(1)], "map")
    turn = verbs.record(verbs.take(batch.pk), Chunk(items=[item(1)], problem="No order."))
    verbs.give_back(verbs.hand_over(turn, b"{}"))
    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)

    again = item(1)  # known, so nothing is left for a second map
    turn = verbs.record(verbs.take(batch.pk), Chunk(items=[again], at_end=True))

    assert [one.number for one in batch.executions.all()] == [1]
    with pytest.raises(LeaseLost):
        verbs.hand_over(turn, b"{}")
