"""The prices: tiers, and begun steps that are billed whole."""

from __future__ import annotations

from decimal import Decimal

import pytest

from approvals.workflows.pricing import price_list
from tests.workflows.pricing.files import TEN, Price


def test_express_is_billed_as_in_the_example_of_the_price_list(price: Price) -> None:
    options = ["--per-month", "100000000", "--duration-ms", "10000", "--memory-mb", "64"]
    report = price(TEN, *options)

    # 100 M requests = $100; 62,500,000 GB-s = 17,361.11 GB-hours: 1,000 x $0.06 + 4,000 x $0.03
    # + 12,361.11 x $0.01642 = 60 + 120 + 202.97 = $382.97.
    assert [one["usd"] for one in report["express"]["lines"][:2]] == [100.00, 382.97]


@pytest.mark.parametrize(
    ("duration", "memory", "gb_seconds"),
    [(100, 64, "0.00625"), (101, 64, "0.0125"), (100, 65, "0.0125"), (1, 1, "0.00625")],
)
def test_begun_steps_of_100_ms_and_64_mb_are_billed_whole(
    duration: int, memory: int, gb_seconds: str
) -> None:
    assert price_list.load().express_gb_seconds(duration, memory) == Decimal(gb_seconds)
