"""How a payload is sorted for a page."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.web import payload_view
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "order",
    [
        {"total": True, "currency": "EUR"},
        {"total": "see the invoice, page two, where it stands in ink", "currency": "EUR"},
        {"total": 12.5, "currency": 7},
    ],
)
def test_what_is_no_amount_stays_among_the_details(order: dict[str, Any]) -> None:
    read = payload_view.review_order(factories.review(input=order))
    assert (read.total != "") == (order["total"] == 12.5)
    kept = {node.label for node in read.rest}
    assert kept == ({"Currency"} if read.total else {"Total", "Currency"})
