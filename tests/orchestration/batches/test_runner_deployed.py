"""Batches on the shipped template, deployed into the local account and run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from approvals.actors import COMMAND_LINE
from approvals.gateways import aws
from approvals.models import OrderBatch, OrderExecution
from approvals.orchestration.batches import acceptance, progress, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner
from approvals.reconciliation import batch_executions
from approvals.records import order_batches
from approvals.worker import loop
from local import aws as local_aws
from tests.batches import orders
from tests.batches.account import Deployed

FILE = {"batches": "orders.jsonl", "map": "orders.json"}


@pytest.fixture(scope="module")
def deployed(local_account: local_aws.Account) -> Deployed:
    """The shipped template in the session's account; a map runs its children one after the other."""
    return Deployed(local_account, f"settle-{uuid.uuid4().hex[:6]}-", MaxConcurrency="1")


@pytest.fixture
def stack(deployed: Deployed, settings: Settings) -> Iterator[Deployed]:
    """The same, with the service pointed at it."""
    for name, value in deployed.environment.items():
        setattr(settings, name, [value] if name == "ORDER_BUCKETS" else value)
    aws.forget()
    yield deployed
    aws.forget()


@pytest.mark.django_db
@pytest.mark.parametrize("mode", FILE)
def test_an_object_of_orders_is_settled_and_only_the_held_ones_are_executions(
    stack: Deployed, tmp_path: Path, mode: str
) -> None:
    path = tmp_path / FILE[mode]
    made = orders.write(path, 20, seed=9, prefix=f"{mode}-")
    stack.put(path)
    already, before = set(stack.started()), stack.transitions(mode)
    batch = acceptance.accept(
        sources.unseen(stack.url(path)), BatchOptions(mode, size=8), by=COMMAND_LINE
    )
    assert made.held
    assert made.bad_lines

    finish(batch)

    settled = batch.orders.filter(status="settled").values_list("order_id", flat=True)
    assert set(settled) == made.plain
    assert set(stack.started()) - already == made.held
    assert set(batch.refusals.values_list("line", flat=True)) == made.bad_lines
    assert made.plain <= stack.shipped()
    totals = progress.totals(batch, progress.by_status(batch))
    assert totals["settled"] == len(made.plain)
    assert totals["executions"] == len(made.held)
    if mode == "map":
        assert stack.transitions(mode) - before == 2
    else:
        carrying = batch.executions.count()
        assert stack.transitions(mode) - before == 3 * carrying + len(made.held)


@pytest.mark.django_db
def test_what_the_children_of_a_failed_map_settled_is_read_from_its_manifest(
    stack: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "orders.json"
    made = orders.write(path, 20, seed=11, prefix="failed-")
    stack.put(path)
    entry = order_batches.batch_entry

    def broken(row: OrderExecution) -> dict[str, Any]:
        """The function of the map's fourth child fails on its orders."""
        return entry(row) | ({"input": "no JSON"} if 6 < (row.batch_item or 0) <= 8 else {})

    monkeypatch.setattr(order_batches, "batch_entry", broken)
    monkeypatch.setattr(batch_executions, "FUNCTIONS_OUTLIVE", timedelta(0))
    batch = acceptance.accept(
        sources.unseen(stack.url(path)), BatchOptions("map", size=2), by=COMMAND_LINE
    )

    finish(batch)

    (carrier,) = batch.executions.all()
    assert carrier.status == "failed"
    settled = batch.orders.filter(status="settled")
    items = set(settled.values_list("batch_item", flat=True))
    assert items, "the children before the failed one have settled orders"
    assert max(filter(None, items)) <= 6
    assert set(settled.values_list("order_id", flat=True)) <= stack.shipped()
    # All others are executions of their own, each once.
    rest = set(batch.orders.exclude(status="settled").values_list("order_id", flat=True))
    assert {name for name in stack.started() if name.startswith("failed-")} == rest
    assert rest | set(settled.values_list("order_id", flat=True)) == made.orders


def finish(batch: OrderBatch) -> None:
    """Do what a worker does until the batch ends, its pauses cut short."""
    until = time.monotonic() + 60
    reader = Runner(batch.pk)
    while batch.status != "finished" and time.monotonic() < until:
        reader.turn()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE approvals_executionsnapshot SET due_at = now() WHERE due_at IS NOT NULL"
            )
        loop.sweep_once()
        batch.refresh_from_db()
        time.sleep(0.1)
    assert batch.status == "finished", progress.by_status(batch)
