"""The amounts of an order are judged before it starts, alike over the API, by command and in a batch."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.exceptions import Invalid, NotAllowed, OrderConflict
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment, order_amounts
from approvals.orchestration.lambdas import amounts
from approvals.records import order_validation
from tests.factories import actor
from tests.starts import start

of_the_database = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"order_id": "1", "amount": "10,50"}', "/amount"),
        ('{"order_id": "1", "total": 1e2}', "/total"),
        ('{"order_id": "1", "tax": 0.001}', "/tax"),
        ('{"order_id": "1", "amount": "10.5", "currency": "JPY"}', "/amount"),
        ('{"order_id": "1", "items": [{}, {"unit_price": "1.005"}]}', "/items/1/unit_price"),
        ('{"order_id": "1", "amount": true}', "/amount"),
    ],
)
def test_a_refusal_names_the_place_and_the_value(text: str, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        order_amounts.checked(order_amounts.read(text))

    assert refusal.value.extra["pointer"] == pointer
    assert "is not an amount" in refusal.value.message


@pytest.mark.parametrize("value", ["null", '{"value": "10,50"}', "[1]"])
def test_what_another_workflow_may_mean_by_the_name_is_left_to_it(value: str) -> None:
    order = order_amounts.read(f'{{"order_id": "1", "amount": {value}}}')

    assert order_amounts.checked(order) == order


def charged(text: str) -> Decimal:
    """What the Lambdas charge for an order of this JSON, read as Step Functions gives it to them."""
    order_id, sent = order_validation.parse(order_amounts.checked(order_amounts.read(text)))
    assert order_id == "1"
    return amounts.amount_due(json.loads(sent))


@given(cents=st.integers(min_value=1, max_value=10**30), as_text=st.booleans())
def test_an_amount_is_charged_to_the_cent_as_it_was_written(cents: int, as_text: bool) -> None:
    written = f"{cents // 100}.{cents % 100:02}"
    value = f'"{written}"' if as_text else written

    assert charged(f'{{"order_id": "1", "amount": {value}}}') == Decimal(written)
    line = f'{{"order_id": "1", "items": [{{"unit_price": {value}, "quantity": 3}}]}}'
    assert Fraction(charged(line)) == 3 * Fraction(written)


@given(cents=st.integers(min_value=1, max_value=10**14))
def test_a_number_that_a_float_keeps_is_sent_on_as_before(cents: int) -> None:
    text = f'{{"order_id": "1", "amount": {cents // 100}.{cents % 100:02}}}'

    sent = order_validation.canonical(order_amounts.checked(order_amounts.read(text)))

    assert sent == order_validation.canonical(json.loads(text))


@of_the_database
@pytest.mark.usefixtures("starts")
def test_one_order_is_one_execution_however_its_id_is_written() -> None:
    first = start({"order_id": "X", "amount": "10.00"})

    for other in ("X ", " X", "\u00a0X\u3000"):
        assert start({"order_id": other, "amount": "10.00"}).pk == first.pk
    with pytest.raises(OrderConflict):
        start({"order_id": "X ", "amount": "11.00"})
    assert OrderExecution.objects.count() == 1


@of_the_database
@pytest.mark.usefixtures("starts")
@pytest.mark.parametrize(
    ("before", "text"),
    [
        ({"order_id": "X ", "amount": "10.00"}, '{"order_id": "X ", "amount": "10.00"}'),
        ({"order_id": "e\u0301"}, '{"order_id": "e\u0301"}'),
        (
            {"order_id": "7", "amount": 12345678901234567.89},
            '{"order_id": 7, "amount": 12345678901234567.89}',
        ),
    ],
)
def test_what_an_earlier_release_stored_is_the_same_order_still(
    before: dict[str, Any], text: str
) -> None:
    stored = start({"order_id": "other"})
    kept = order_validation.canonical(before)
    former = order_validation.former(before, "")
    assert former is not None
    OrderExecution.objects.filter(pk=stored.pk).update(
        order_id=before["order_id"], input=kept, input_sha256=former.input_sha256
    )

    assert start(order_amounts.read(text)).pk == stored.pk
    with pytest.raises(OrderConflict):
        start(order_amounts.read(text) | {"note": "changed"})
    assert OrderExecution.objects.count() == 1


@of_the_database
@pytest.mark.usefixtures("starts")
def test_who_may_not_start_an_order_is_refused_without_a_word_about_its_amounts(carol: Any) -> None:
    with pytest.raises(NotAllowed):
        fulfillment.start_order_fulfillment({"order_id": "1", "amount": "1e2"}, by=actor(carol))
