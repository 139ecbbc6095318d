"""Orders: which attempt is the last, which ARN starts it, and which was never started."""

from __future__ import annotations

import pytest

from approvals.models import OrderExecution
from tests.models.constraints import assert_refused

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


def order(order_id: str = "A-1", attempt: int = 1, **fields: str) -> OrderExecution:
    return OrderExecution.objects.create(
        state_machine_arn=MACHINE,
        order_id=order_id,
        attempt=attempt,
        name=f"order-{order_id}-{attempt}",
        input="{}",
        input_sha256=bytes(32),
        **fields,
    )


def test_the_last_attempt_comes_first() -> None:
    first, third, second = order(), order(attempt=3), order(attempt=2)
    order("A-12")

    assert list(OrderExecution.objects.attempts_at("A-1")) == [third, second, first]


def test_an_order_has_each_attempt_once() -> None:
    order()

    assert_refused("order_attempted_once", order)


def test_orders_are_found_by_the_beginning_of_their_id_in_its_own_case() -> None:
    found = [order("A-1"), order("A-12"), order("a-1"), order("B-A-1"), order("A%")]

    assert set(OrderExecution.objects.beginning_with("A-1")) == set(found[:2])
    assert set(OrderExecution.objects.beginning_with("A%")) == {found[4]}


@pytest.mark.parametrize(("qualifier", "arn"), [("", MACHINE), ("live", f"{MACHINE}:live")])
def test_it_is_started_by_its_machine_or_by_the_alias_it_was_accepted_for(
    qualifier: str, arn: str
) -> None:
    assert order(qualifier=qualifier).start_arn == arn


@pytest.mark.parametrize(
    ("status", "arn", "never"),
    [("aborted", "", True), ("aborted", "arn", False), ("pending", "", False)],
)
def test_what_was_stopped_without_an_execution_was_never_started(
    status: str, arn: str, never: bool
) -> None:
    assert order(status=status, execution_arn=arn).was_never_started == never
