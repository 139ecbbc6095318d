"""`price_workflow`: its options, its exit codes, and no need of any setting."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.management import call_command

from approvals.management.command import Error
from approvals.workflows.pricing import price_list
from tests.measured import measured
from tests.paths import ROOT
from tests.workflows.linting.definitions import ORDERS
from tests.workflows.pricing.files import SEVEN, TEN, Price


def test_another_branch_may_be_chosen(price: Price) -> None:
    report = price(SEVEN, "--per-month", "1000000", "--choose", "IsLarge=Charge")

    # Five states: 1,000,000 x 5 x $0.000025 = $125.00.
    assert report["standard"]["before_free_tier"] == 125.00
    with pytest.raises(Error, match="no way from IsLarge to Done"):
        price(SEVEN, "--per-month", "1", "--choose", "IsLarge=Done")


def test_asking_for_express_where_it_cannot_be_is_a_finding(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("price_workflow", str(ORDERS), "--per-month", "9", "--express")

    assert ended.value.code == 3
    assert "EXPRESS, one execution an order: not possible. ManualReview" in capsys.readouterr().out


def test_more_orders_than_there_are_people_are_still_a_sum(price: Price) -> None:
    most = str(10**15)
    report = price(TEN, "--per-month", most, "--map-items", most, "--memory-mb", most)

    assert report["standard"]["before_free_tier"] == 250_000_000_000


def test_the_table_needs_no_setting_and_shows_how_it_counted() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "price_workflow", str(SEVEN), "--per-month", "1000000"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | measured(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any("STANDARD, one execution an order" in one and "$150.00" in one for one in lines)
    assert "    at IsLarge to Screen: the first that ends well without a person" in lines
    assert any(one.endswith("-$0.10") and "free tier of Step Functions" in one for one in lines)
    assert any(f"Prices of {price_list.load().date}" in one for one in lines)
