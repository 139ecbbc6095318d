"""An order is checked when it is accepted: what Step Functions would refuse as input is refused then."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.exceptions import Invalid
from approvals.models import OrderExecution
from tests.starts import start

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


@pytest.mark.parametrize(
    "order",
    [
        {}, {"order_id": None}, {"order_id": ""}, {"order_id": "  "}, {"order_id": True},
        {"order_id": 1.5}, {"order_id": ["7"]}, {"order_id": "x" * 257}, {"order_id": "a\nb"},
        {"order_id": "a\0"}, {"order_id": "\ud800"}, {"order_id": "\u202e7"},
        {"order_id": "7", "a": "\ud800"}, {"order_id": "7", "a": "x\0"}, {"order_id": "7", "\0": 1},
        {"order_id": "7", "a": float("nan")}, {"order_id": "7", "a": float("inf")},
        {"order_id": "7", "a": "é" * 131_072},
    ],
)  # fmt: skip
def test_an_order_step_functions_would_not_take_is_invalid(order: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        start(order)

    assert not OrderExecution.objects.exists()


def test_an_order_that_only_speaks_of_nul_is_fine() -> None:
    assert start({"order_id": "7", "note": "the text \\u0000 is no NUL"}).status == "pending"
