"""Batches of orders: every row has exactly one end, whoever dies, whatever Step Functions answers."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from approvals.actions import batches as verbs
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Unavailable
from approvals.gateways import s3
from approvals.models import BatchExecution, OrderBatch, OutboxEntry
from approvals.orchestration import fulfillment
from approvals.orchestration.batches import acceptance, parsers, runner, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner
from approvals.records import audit, audit_verification, order_validation
from approvals.untrusted import json_stream
from tests.order_batches import accepted, order, read, sums
from tests.starts import BATCH_MACHINE, MACHINE, Starts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


# --- one execution an order


def test_an_alias_is_no_other_machine_so_a_known_order_is_known(
    starts: Starts, settings: Settings
) -> None:
    fulfillment.start_order_fulfillment(order(1), by=COMMAND_LINE)
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:live"

    batch = read(accepted([order(1), order(2)]))
    lanes.drain("executions")

    assert (batch.accepted, batch.known) == (1, 1)
    assert [(machine, name) for machine, name, _ in starts.started] == [
        (MACHINE, "order-A-1"),
        (f"{MACHINE}:live", "order-A-2"),
    ]


def test_each_order_becomes_one_execution_and_each_bad_row_a_reason(starts: Starts) -> None:
    fulfillment.start_order_fulfillment(order(1), by=COMMAND_LINE)
    fulfillment.start_order_fulfillment(order(2), by=COMMAND_LINE)
    rows = [order(1), order(2, total=9), order(3), "NaN", {"total": 1}, order(3), order(4)]

    batch = read(accepted(rows))
    lanes.drain("executions")
    verbs.finish(batch.pk)

    assert sums(batch) == {"read": 7, "executions": 2, "refused": 3, "known": 2}
    assert [(row.line, row.code) for row in batch.refusals.order_by("item")] == [
        (2, "order_conflict"),
        (4, "not_json"),
        (5, "invalid"),
    ]
    assert sorted(name for _, name, _ in starts.started) == [f"order-A-{n}" for n in (1, 2, 3, 4)]
    assert batch.status == "finished"
    assert batch.body == ""
    assert audit_verification.verify(audit.chain_of("batch", batch.pk)) == []
    for row in batch.orders.all():
        assert audit_verification.verify(audit.chain_of("order", row.pk)) == []


def test_an_order_of_a_batch_is_the_one_that_would_have_come_alone() -> None:
    batch = read(accepted([order(1, name="é", nested={"b": 1, "a": 2})]))

    same, created = fulfillment.start_order_fulfillment(
        order(1, nested={"a": 2, "b": 1}, name="é"), by=COMMAND_LINE
    )
    assert not created
    assert same == batch.orders.get()


def test_a_bad_row_stops_a_batch_that_was_asked_to_and_it_can_go_on() -> None:
    batch = read(accepted([order(1), "bad", order(2), "bad too", order(3)], on_bad_row="stop"))
    assert (batch.status, batch.position, batch.orders.count()) == ("stopped", 2, 1)
    assert batch.trouble.startswith("Line 2: ")
    assert read(batch).position == 2

    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)
    read(batch)

    assert (batch.status, batch.position) == ("read", 5)
    assert sums(batch) == {"read": 5, "under_way": 3, "refused": 2}


def test_an_array_that_breaks_off_stops_a_batch_however_it_was_asked() -> None:
    body = '[{"order_id": "A-1"},\n{"order_id": "A-2"'
    options = BatchOptions("executions")
    batch = acceptance.accept(sources.of_body(body), options, body=body, by=COMMAND_LINE)

    assert read(batch).trouble == "Line 2: The array breaks off: its last bracket is missing."
    assert sums(batch) == {"read": 2, "under_way": 1, "refused": 1}


def test_many_rows_are_read_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 3)
    batch = accepted([order(n) for n in range(7)])
    reader = Runner(batch.pk)
    seen = []

    while reader.turn():
        batch.refresh_from_db()
        seen.append(batch.position)

    assert seen == [3, 6, 7]


def test_whoever_is_late_writes_nothing_and_the_next_one_reads_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 2)
    batch = accepted([order(n) for n in range(5)])
    slow = Runner(batch.pk)
    slow.turn()
    assert Runner(batch.pk).turn() is False  # the lease is the slow one's

    assert Runner(batch.pk, seize=True).turn() is True
    assert slow.turn() is False
    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_orderbatch SET lease_until = now()")
    read(batch)

    assert sums(batch) == {"read": 5, "under_way": 5}
    assert OutboxEntry.objects.count() == 5


def test_no_more_is_read_while_too_many_starts_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 2)
    monkeypatch.setattr(runner, "MOST_WAITING", 2)
    batch = accepted([order(n) for n in range(6)])
    reader = Runner(batch.pk)
    assert [reader.turn(), reader.turn(), reader.turn()] == [True, True, False]

    lanes.drain("executions")

    assert reader.turn() is True


def test_a_file_of_another_machine_is_left_to_whoever_has_it(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"order_id": "A-1"}\n')
    batch = acceptance.accept(sources.of_file(path), BatchOptions("executions"), by=COMMAND_LINE)

    runner.Scheduler().turn()
    batch.refresh_from_db()
    assert batch.position == 0

    with contextlib.closing(Runner(batch.pk, path, seize=True)) as reader:
        while reader.turn():
            pass
    assert sums(batch) == {"read": 1, "under_way": 1}


# --- many orders an execution


def test_a_hundred_orders_become_one_execution_that_holds_each_ones_own_input(
    starts: Starts,
) -> None:
    batch = read(accepted([order(n, note="é") for n in range(7)], "batches", size=3))
    lanes.drain("executions")

    assert [name.rpartition("-")[2] for _, name, _ in starts.started] == ["1", "2", "3"]
    assert {machine for machine, _, _ in starts.started} == {BATCH_MACHINE}
    carried = [json.loads(text)["orders"] for _, _, text in starts.started]
    assert [len(orders) for orders in carried] == [3, 3, 1]
    assert [one["item"] for orders in carried for one in orders] == [1, 2, 3, 4, 5, 6, 7]
    alone = order_validation.parse(order(0, note="é"))[1]
    assert carried[0][0] == {"item": 1, "name": "order-A-0", "input": alone}
    assert sums(batch) == {"read": 7, "under_way": 7}


def test_a_chunk_shrinks_to_what_an_execution_holds_and_a_giant_goes_alone(
    starts: Starts,
) -> None:
    rows = [order(n, note="x" * 70_000) for n in range(4)] + [order(9, note="x" * 200_000)]
    read(accepted(rows, "batches"))
    lanes.drain("executions")

    sizes = [len(text) for machine, _, text in starts.started if machine == BATCH_MACHINE]
    assert max(sizes) < runner.MOST_BYTES
    assert len(sizes) == 2
    assert [name for machine, name, _ in starts.started if machine == MACHINE] == ["order-A-9"]


def test_orders_that_came_before_start_nothing(starts: Starts) -> None:
    read(accepted([order(1), order(2)], "batches"))
    again = read(accepted([order(1), order(2)], "batches"))

    assert sums(again) == {"read": 2, "known": 2}
    assert verbs.finish(again.pk)
    assert BatchExecution.objects.count() == 1


def test_sources_that_stay_away_keep_no_other_batch_waiting(
    starts: Starts, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise Unavailable("S3 does not answer.")

    monkeypatch.setattr(s3, "look", away)
    monkeypatch.setattr(runner, "AT_ONCE", 3)
    for number in range(5):
        source = sources.unseen(f"s3://far/{number}.json")
        acceptance.accept(source, BatchOptions("executions"), by=COMMAND_LINE)
    good, scheduler = accepted([order(1)]), runner.Scheduler()

    scheduler.turn()
    scheduler.turn()

    good.refresh_from_db()
    assert good.position == 1


def test_a_lease_is_kept_while_rows_that_were_read_are_skipped(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 50)
    batch = accepted([order(number) for number in range(100)])
    Runner(batch.pk).turn()
    OrderBatch.objects.update(lease_until=None)
    monkeypatch.setattr(parsers, "BLOCK", 128)
    monkeypatch.setattr(json_stream, "BLOCK", 128)
    renewed, renew = [], verbs.renew

    def counting(turn: verbs.Turn) -> None:
        renewed.append(turn)
        renew(turn)

    monkeypatch.setattr(verbs, "LEASE", timedelta(seconds=0.001))
    monkeypatch.setattr(verbs, "renew", counting)

    Runner(batch.pk, seize=True).turn()

    assert len(renewed) > 3
