"""How amounts, lengths of time and untrusted text are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.spans import span
from approvals.untrusted.display import money, visible


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (812.5, "EUR", "EUR 812.50"),
        ("1149", "USD", "USD 1,149.00"),
        (0.1234, "", "0.1234"),
        (-3, "GBP", "GBP -3.00"),
        (0, "EUR", "EUR 0.00"),
        ("12,50", "EUR", "12,50"),
        (10**30, "", str(10**30)),
        ("NaN", "", "NaN"),
        (None, "EUR", ""),
        (True, "EUR", ""),
        ({"amount": 1}, "EUR", ""),
        (5, "E\u202eUR", "E⟨U+202E⟩UR 5.00"),
    ],
)
def test_an_amount_is_grouped_and_what_is_no_amount_stays_as_it_is(
    amount: object, currency: str, shown: str
) -> None:
    assert money(amount, currency) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (-720, "12 min"), (5_400, "2 h"), (200_000, "2 d")],
)
def test_a_length_of_time_has_one_rounded_unit(seconds: int, shown: str) -> None:
    assert span(timedelta(seconds=seconds)) == shown


def test_plain_text_is_left_alone() -> None:
    assert (
        visible("Zoë & Søn — “quoted”\n2nd line\u00a0here") == "Zoë & Søn — “quoted”\n2nd line here"
    )
