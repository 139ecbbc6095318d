"""Batches on the shipped template, deployed into the local account and run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from approvals.actors import COMMAND_LINE
from approvals.gateways import aws
from approvals.models import OrderBatch
from approvals.orchestration.batches import acceptance, progress, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner
from approvals.worker import loop
from local import aws as local_aws
from tests.batches import orders
from tests.batches.account import Deployed

FILE = {"batches": "orders.jsonl", "map": "orders.json"}


@pytest.fixture(scope="module")
def deployed(local_account: local_aws.Account) -> Deployed:
    """The shipped template in the session's account."""
    return Deployed(local_account, f"settle-{uuid.uuid4().hex[:6]}-")


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
    already = set(stack.started())
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
        assert stack.transitions(mode) == 2
    else:
        carrying = batch.executions.count()
        assert stack.transitions(mode) == 3 * carrying + len(made.held)


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
