"""Numbers in a message: each is taken from its lowest to its highest value, zero included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals import messages

BOUNDS = {
    # key: (attribute, lowest, highest, what it is without a usable number)
    "retryCount": ("retry_count", 0, 10**6, 0),
    "redriveCount": ("redrive_count", 0, 10**6, 0),
    "itemIndex": ("item_index", 0, 2**31 - 1, None),
    "timeoutSeconds": ("timeout_seconds", 1, 99_999_999, None),
    "priority": ("priority", -32_768, 32_767, 0),
}


def parse(**fields: Any) -> messages.ReviewRequest:
    body = {"taskToken": "token-0001112223333", "orderId": "1", **fields}
    return messages.parse(json.dumps(body))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_is_taken_at_both_of_its_bounds(name: str) -> None:
    attribute, lowest, highest, _ = BOUNDS[name]

    for value in (lowest, highest):
        request = parse(**{name: value})
        assert (getattr(request, attribute), request.flags) == (value, ())


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_beyond_a_bound_is_flagged_and_left_out(name: str) -> None:
    attribute, lowest, highest, without = BOUNDS[name]

    for value in (lowest - 1, highest + 1):
        request = parse(**{name: value})
        assert (getattr(request, attribute), request.flags) == (without, (name,))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_that_is_absent_or_null_is_no_fault(name: str) -> None:
    attribute, _, _, without = BOUNDS[name]

    for request in (parse(), parse(**{name: None})):
        assert (getattr(request, attribute), request.flags) == (without, ())
