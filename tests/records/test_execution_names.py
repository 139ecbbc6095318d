"""The names of executions: the same order or attempt always has the same one, and no other has it."""

from __future__ import annotations

import hashlib

import pytest

from approvals.actions import interventions
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment
from tests.fake_aws import FakeAws
from tests.order_executions import deliver, end, latest, restart
from tests.starts import start

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("starts")
@pytest.mark.parametrize(
    ("order_id", "name"),
    [
        ("7", "order-7"), ("A_b-9", "order-A_b-9"), ("x" * 74, "order-" + "x" * 74),
        *((bad, f"order-{hashlib.sha256(bad.encode()).hexdigest()[:40]}")
          for bad in ("x" * 75, "a b", "a/b", "é", 'a"b', "a.b", "\U0001f642")),
    ],
)  # fmt: skip
def test_an_executions_name_is_the_orders_or_a_digest_of_it(order_id: str, name: str) -> None:
    assert start({"order_id": order_id}).name == name
    assert len(name) <= 80


def test_a_third_attempt_follows_the_second(aws: FakeAws, running_order: OrderExecution) -> None:
    for attempt in (2, 3):
        end(aws, latest(), error="OrderRejected")
        restart()
        deliver()
        assert latest().name == f"order-7-r{attempt}"


def test_an_attempt_never_takes_the_name_of_another_order(
    aws: FakeAws, running_order: OrderExecution
) -> None:
    fulfillment.start_order_fulfillment({"order_id": "7-r2"}, by=COMMAND_LINE)
    end(aws, running_order, error="OrderRejected")

    restart()
    deliver()

    assert latest().status == "running"
    assert latest().name != latest("7-r2").name == "order-7-r2"


def test_a_long_name_stays_within_the_limit(aws: FakeAws, order_workflow: str) -> None:
    order, _ = fulfillment.start_order_fulfillment({"order_id": "x" * 74}, by=COMMAND_LINE)
    deliver()
    end(aws, latest("x" * 74), error="OrderRejected")

    made = interventions.restart("x" * 74, by=COMMAND_LINE)

    assert len(order.name) == 80
    assert len(made.name) <= 80
    assert made.name.endswith("-r2")
