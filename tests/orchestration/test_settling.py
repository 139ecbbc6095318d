"""The workflows that carry many orders: their function, their definitions, and both deployed and run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.db import connection
from moto import mock_aws

from approvals.actors import COMMAND_LINE
from approvals.gateways import aws
from approvals.models import OrderBatch
from approvals.orchestration import packaging
from approvals.orchestration.batches import progress, runner, sources
from approvals.orchestration.batches.runner import BatchOptions, Runner
from approvals.orchestration.lambdas import settle_orders
from approvals.orchestration.lambdas.failures import ServiceUnavailableError
from approvals.worker import loop
from local import aws as local_aws
from tests.batches import orders
from tests.batches.account import Deployed
from tests.paths import ROOT

DEFINITIONS = Path(packaging.__file__).parent / "definitions"
FILE = {"batches": "orders.jsonl", "map": "orders.json"}


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEFINITIONS / f"{name}.asl.json").read_text())
    return found


# --- the function


class Context:
    """What is left of a function's time."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The ledger and the status table."""
    names = {"LEDGER_TABLE": "ledger", "ORDER_STATUS_TABLE": "status"}
    for name, value in {**names, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        for table, keys in (("ledger", ["order_id", "entry"]), ("status", ["order_id"])):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": "RANGE" if place else "HASH"}
                    for place, key in enumerate(keys)
                ],
            )
        settle_orders.process_payment.ledger._client.cache_clear()
        yield client
    settle_orders.process_payment.ledger._client.cache_clear()


def settle(*placed: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """What the function answers for these orders."""
    carried = [
        {"item": number, "name": f"order-{one['order_id']}", "input": json.dumps(one)}
        for number, one in enumerate(placed, 1)
    ]
    event = {"orders": carried, "execution_arn": "arn:x", "execution_started": "2026-11-25T09:00Z"}
    return settle_orders.handler(event, context)


def placed(order_id: str, **more: Any) -> dict[str, Any]:
    return {"order_id": order_id, "total": 5, "currency": "EUR", **more}


def test_what_needs_nobody_is_done_and_the_rest_is_held_with_its_reason(tables: Any) -> None:
    told = settle(
        placed("1"),
        placed("2", payment={"card": "card_fraud"}),
        placed("3", customer={"email": "x@bounce.example"}),
        placed("4", items=[{"sku": "OUT-OF-STOCK", "quantity": 1}]),
        placed("5", payment={"card": "card_outage"}),
        {"order_id": "6"},
    )

    assert told["settled"] == [1, 3]  # a notice that fails takes no order away
    assert [order["name"] for order in told["held"]] == ["order-2", "order-4", "order-5", "order-6"]
    assert [one["error"] for one in told["reasons"]] == [
        "FraudSuspected",
        "OutOfStock",
        "ConnectionError",
        "ValidationError",
    ]
    rows = tables.scan(TableName="status")["Items"]
    assert {row["order_id"]["S"] for row in rows} == {"1", "3"}


def test_an_order_that_was_settled_is_not_paid_twice(tables: Any) -> None:
    settle(placed("1"))
    before = tables.scan(TableName="ledger")["Items"]

    assert settle(placed("1"))["settled"] == [1]
    assert tables.scan(TableName="ledger")["Items"] == before


def test_an_order_that_was_charged_and_refunded_meanwhile_is_not_charged_anew(tables: Any) -> None:
    rejected = placed("1", items=[{"sku": "OUT-OF-STOCK", "quantity": 1}])
    settle(rejected)
    settle_orders.process_payment.ledger.write_once("1", "refund#charge-1", amount="5")

    told = settle(rejected)

    assert told["reasons"] == [{"item": 1, "error": "ChargeGivenBack"}]
    entries = {row["entry"]["S"] for row in tables.scan(TableName="ledger")["Items"]}
    assert "charge#charge-1" in entries
    assert not any("charge-1.2" in entry for entry in entries)


def test_a_newer_execution_keeps_its_row(tables: Any) -> None:
    newer = {
        "order_id": {"S": "1"},
        "status": {"S": "PROCESSING"},
        "execution_arn": {"S": "arn:newer"},
        "attempt_started": {"S": "2026-11-25T10:00Z"},
        "status_order": {"N": "1"},
    }
    tables.put_item(TableName="status", Item=newer)

    assert settle(placed("1"))["settled"] == [1]
    assert tables.scan(TableName="status")["Items"] == [newer]


def test_what_there_is_no_time_for_is_held(tables: Any) -> None:
    told = settle(placed("1"), placed("2"), context=Context(60_000, 10_000))

    assert (told["settled"], told["reasons"]) == ([1], [{"item": 2, "error": "OutOfTime"}])


def test_a_table_that_is_away_is_no_orders_fault(tables: Any) -> None:
    tables.delete_table(TableName="ledger")

    with pytest.raises(ServiceUnavailableError):
        settle(placed("1"))


# --- the definitions


def test_both_workflows_do_the_same_with_the_orders_of_one_execution() -> None:
    batch = definition("order_batch")["States"]
    child = definition("daily_orders")["States"]["SettleAllOrders"]["ItemProcessor"]["States"]

    assert batch["SettleOrders"]["Parameters"].pop("orders.$") == "$.orders"
    assert child["SettleOrders"]["Parameters"].pop("orders.$") == "$.Items"
    for states in (batch, child):  # an Express child has less time for another try
        states["SettleOrders"]["Retry"][0].pop("MaxAttempts")
    assert batch == child


def test_the_map_is_the_textbooks() -> None:
    map_ = definition("daily_orders")["States"]["SettleAllOrders"]

    config = map_["ItemProcessor"]["ProcessorConfig"]
    assert config == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert map_["ToleratedFailurePercentage"] == 5
    assert map_["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert "VersionId.$" in map_["ItemReader"]["Parameters"]
    assert map_["ResultWriter"]["Resource"] == "arn:aws:states:::s3:putObject"
    template = (ROOT / "deploy/template.yaml").read_text()
    assert "MaxConcurrency:\n    Type: Number\n    Default: 1000\n" in template


# --- deployed, and run


@pytest.fixture(scope="module")
def deployed(local_account: local_aws.Account) -> Deployed:
    """The shipped template in the session's account."""
    return Deployed(local_account, "settle-")


@pytest.fixture
def stack(deployed: Deployed, settings: Any) -> Iterator[Deployed]:
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
    batch = runner.accept(
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
    told = progress.totals(batch, progress.by_status(batch))
    assert told["settled"] == len(made.plain)
    assert told["executions"] == len(made.held)
    if mode == "map":
        assert stack.transitions(mode) == 2
    else:
        carriers = batch.executions.count()
        assert stack.transitions(mode) == 3 * carriers + len(made.held)


def finish(batch: OrderBatch) -> None:
    """Do what a sweeper does until the batch ends, its pauses cut short."""
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
