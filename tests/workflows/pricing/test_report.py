"""An estimate as text and as JSON: rounded to cents at the end, and safe to print."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from approvals.workflows.pricing.report import dollars
from tests.workflows.linting.definitions import ORDERS, workflow
from tests.workflows.pricing.files import SEVEN, Price
from tests.workflows.shell import Run


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("0.005", "$0.01"),
        ("1234.499", "$1,234.50"),
        ("-0.1", "-$0.10"),
        ("-0.004", "$0.00"),
        ("1e20", "$100,000,000,000,000,000,000.00"),
    ],
)
def test_an_amount_is_rounded_to_cents(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


def test_the_table_has_each_path_and_each_variant_with_its_sum(run_price: Run) -> None:
    done = run_price(ORDERS, "--per-month", "1000000", "--reviewed-percent", "4")

    text = done.stdout
    assert text.startswith(f"{ORDERS}: 35 states, 1,000,000 orders a month\n")
    assert "  without an error: 13 states entered" in text
    assert "EXPRESS, one execution an order: not possible. ManualReview" in text
    assert "$329.00" in text


def test_names_in_the_table_show_control_characters_and_do_not_send_them(
    run_price: Run, written: Callable[[dict[str, Any]], Path]
) -> None:
    file = written(workflow(**{"Weigh\x1b[2J": {"Type": "Pass", "Next": "Done"}}))

    done = run_price(file, "--per-month", "9")

    assert "\x1b" not in done.stdout
    assert "Weigh⟨U+001B⟩[2J" in done.stdout


def test_the_json_has_the_volume_and_a_reason_for_what_is_not_possible(price: Price) -> None:
    report = price(SEVEN, "--per-month", "9", "--duration-ms", "300001")

    assert (report["per_month"], report["duration_ms"], report["currency"]) == (9, 300_001, "USD")
    assert set(report["express"]) == {"way", "title", "possible", "why_not"}
    assert "300.001 s" in report["express"]["why_not"]
