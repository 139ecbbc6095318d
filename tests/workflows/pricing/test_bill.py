"""Bills against figures computed by hand, in the comments, from the prices of the data file."""

from __future__ import annotations

from tests.workflows.pricing.files import TEN, Price


def test_ten_states_in_a_row_are_250_dollars_for_a_million_orders(price: Price) -> None:
    report = price(TEN, "--per-month", "1000000")

    # 1,000,000 x 10 transitions x $0.025 / 1,000 = $250.00; the free 4,000 are $0.10.
    standard = report["standard"]
    assert report["paths"][0]["transitions"] == 10
    assert standard["lines"][0]["quantity"] == 10_000_000
    assert (standard["before_free_tier"], standard["free_tier"]) == (250.00, -0.10)
    # 9 Lambdas: 9,000,000 x $0.20 / 1,000,000 = $1.80, and 9,000,000 x 0.1 s x 0.125 GB
    # = 112,500 GB-s x $0.0000166667 = $1.875; $3.675 in all, and 250 - 0.10 + 3.675 = 253.575.
    assert (standard["lambda"], standard["total"]) == (3.68, 253.58)


def test_a_quiet_month_is_free(price: Price) -> None:
    report = price(TEN, "--per-month", "400")

    # 400 x 10 = 4,000 transitions, $0.10, all of them free.
    assert (report["standard"]["before_free_tier"], report["standard"]["free_tier"]) == (
        0.10,
        -0.10,
    )
