"""Batches of orders over the API: stored at once, read by a worker, shown with their refusals."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.gateways import s3
from approvals.models import OrderBatch, OrderExecution
from approvals.orchestration.batches import runner
from tests import factories
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
THREE = {"orders": [{"order_id": "A-1"}, {"order_id": ""}, {"order_id": 3, "total": 1.50}]}
KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}


@pytest.fixture
def shop(settings: Settings, call: Callable[..., Caller]) -> Caller:
    """A program that may start orders, where the machines are configured."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    settings.ORDER_BATCH_STATE_MACHINE_ARN = f"{MACHINE}-batch"
    settings.ORDER_BUCKETS = ["daily-orders"]
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    return call(keeper)


def test_a_batch_is_stored_at_once_and_read_behind_the_scenes(shop: Caller) -> None:
    answer = shop.post("order-batches/", THREE)

    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["source"]) == (202, "reading", "api")
    assert OrderBatch.objects.get().created_by.email == "shop@example.com"
    assert shown["counts"]["read"] == 0

    runner.Scheduler().turn()
    shown = shop.get(f"order-batches/{shown['id']}/").json()
    assert (shown["status"], shown["progress"]) == ("read", 0.5)
    assert shown["counts"] == {
        "read": 3,
        "settled": 0,
        "executions": 0,
        "refused": 1,
        "known": 0,
        "under_way": 2,
    }
    assert [(row["line"], row["code"]) for row in shown["refusals"]] == [(2, "invalid")]


def test_an_order_of_a_batch_is_found_among_all_orders(shop: Caller) -> None:
    shop.post("order-batches/", THREE | {"mode": "batches"})
    runner.Scheduler().turn()

    order = shop.get("orders/A-1/").json()
    assert (order["status"], order["execution_arn"]) == ("batched", None)
    again = shop.post("orders/", {"order_id": "A-1"})
    assert (again.status_code, again.json()["status"]) == (202, "batched")


def test_a_batch_under_a_key_is_stored_once(shop: Caller) -> None:
    first = shop.post("order-batches/", THREE, **KEY)
    again = shop.post("order-batches/", THREE, **KEY)

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert OrderBatch.objects.count() == 1
    refused(shop.post("order-batches/", {"orders": [{}]}, **KEY), 422, "idempotency_mismatch")


def test_an_object_is_named_and_nobody_asks_s3_while_the_caller_waits(
    shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "look", None)

    answer = shop.post("order-batches/", {"source": "s3://daily-orders/2026/11/25.json"})

    assert answer.status_code == 202
    batch = OrderBatch.objects.get()
    assert (batch.source_version, batch.position) == ("", 0)


@pytest.mark.parametrize(
    "source",
    [
        "s3://other-bucket/orders.json",
        "s3://daily-orders.example/x",
        "s3://daily-orders",
        "s3://daily-orders/",
        "S3://daily-orders/x",
        "https://daily-orders/x",
        "file:/etc/passwd",
        "/etc/passwd",
        "s3://daily-orders/a\nb",
        f"s3://daily-orders/{'x' * 1_100}",
    ],
)
def test_nothing_but_an_object_of_an_allowed_bucket_is_a_source(shop: Caller, source: str) -> None:
    problem = refused(shop.post("order-batches/", {"source": source}), 422, "invalid")

    assert problem["pointer"] == "/source"
    assert not OrderBatch.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/orders"),
        ({"orders": []}, "/orders"),
        ({"orders": [1]}, "/orders/0"),
        ({"orders": [{}], "source": "s3://daily-orders/x"}, "/orders"),
        ({"orders": [{}], "mode": "all"}, "/mode"),
        ({"orders": [{}], "batch_size": 251}, "/batch_size"),
        ({"orders": [{}], "batch_size": "9"}, "/batch_size"),
        ({"orders": [{}], "on_bad_row": "ask"}, "/on_bad_row"),
        ({"orders": [{}], "bucket": "x"}, "/bucket"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_with_its_place(
    shop: Caller, body: dict[str, Any], pointer: str
) -> None:
    problem = refused(shop.post("order-batches/", body), 422, "invalid")

    assert problem["pointer"] == pointer


def test_a_batch_needs_the_right_to_orders_to_be_begun_and_to_be_seen(
    shop: Caller, call: Callable[..., Caller]
) -> None:
    batch = shop.post("order-batches/", THREE).json()["id"]
    outsider = call(factories.user("outsider@example.com"))

    refused(outsider.post("order-batches/", THREE), 403, "not_allowed")
    refused(outsider.get(f"order-batches/{batch}/"), 403, "not_allowed")
    refused(shop.get("order-batches/019ab1ef-2d14-7b60-a0c1-3f5a7c9e1b07/"), 404, "not_found")


def test_a_mode_whose_machine_is_not_configured_is_unavailable(
    shop: Caller, settings: Settings
) -> None:
    settings.ORDER_BATCH_STATE_MACHINE_ARN = ""

    refused(shop.post("order-batches/", THREE | {"mode": "batches"}), 503, "unavailable")


def test_only_the_first_refusals_are_shown(shop: Caller) -> None:
    many = {"orders": [{"order_id": ""}] * 120}
    batch = shop.post("order-batches/", many).json()["id"]
    runner.Scheduler().turn()

    shown = shop.get(f"order-batches/{batch}/").json()
    assert (shown["counts"]["refused"], len(shown["refusals"])) == (120, 100)


@pytest.mark.parametrize("bucket", ["daily-orders", "elsewhere"])
def test_who_may_start_no_orders_learns_nothing_of_buckets(
    shop: Caller, call: Callable[..., Caller], bucket: str
) -> None:
    outsider = call(factories.user("stan@example.com"))

    answer = outsider.post("order-batches/", {"source": f"s3://{bucket}/a.json"})

    refused(answer, 403, "not_allowed")


def test_amounts_in_a_body_are_exact_and_what_is_none_is_refused_by_its_order(shop: Caller) -> None:
    body = (
        '{"orders": [{"order_id": "A-1", "amount": 12345678901234567.89}, {"order_id": "A-2", "amount": 1e2},'
        ' {"order_id": "A-3", "amount": 0.30}]}'
    )
    batch = shop.post("order-batches/", body).json()["id"]
    runner.Scheduler().turn()

    shown = shop.get(f"order-batches/{batch}/").json()
    assert [(row["line"], "'1e2'" in row["reason"]) for row in shown["refusals"]] == [(2, True)]
    assert shown["lines"] is None
    assert [row.input for row in OrderExecution.objects.order_by("order_id")] == [
        '{"amount":"12345678901234567.89","order_id":"A-1"}',
        '{"amount":0.3,"order_id":"A-3"}',
    ]


def test_the_lines_of_an_object_add_up(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'order_id,note\n1,"a\nb"\n\n2,x,y\n'

    @contextmanager
    def opened(*_: Any) -> Iterator[io.BytesIO]:
        yield io.BytesIO(content)

    monkeypatch.setattr(s3, "look", lambda *_: s3.Object("v-1", len(content)))
    monkeypatch.setattr(s3, "opened", opened)
    batch = shop.post("order-batches/", {"source": "s3://daily-orders/a.csv"}).json()["id"]
    runner.Scheduler().turn()

    shown = shop.get(f"order-batches/{batch}/").json()
    assert shown["lines"] == {"total": 4, "rows": 1, "refused": 1, "blank": 1, "continuation": 1}
