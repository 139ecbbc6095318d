"""The decimals of a currency (ISO 4217)."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import currencies


@pytest.mark.parametrize(
    ("code", "count"),
    [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XAU", 2), (None, 2), ([], 2)],
)
def test_a_currency_has_its_own_number_of_decimals_and_two_where_it_is_not_known(
    code: object, count: int
) -> None:
    assert currencies.decimals(code) == count


def test_every_code_is_listed_once() -> None:
    assert len(currencies.DECIMALS) == 17 + 7 + 2
    assert all(len(code) == 3 and code.isupper() for code in currencies.DECIMALS)
