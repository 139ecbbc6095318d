"""`price_workflow` against figures computed by hand, in the comments, from the prices of the data file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from approvals.management.command import Error
from approvals.workflows.pricing import price_list
from tests.measured import measured
from tests.workflows.linting.definitions import HERE as LINTING
from tests.workflows.linting.definitions import ORDERS, ROOT, waits, workflow

HERE = Path(__file__).parent
TEN = HERE / "ten_in_a_row.asl.json"
SEVEN = HERE / "seven_with_a_choice.asl.json"
Price = Callable[..., dict[str, Any]]


@pytest.fixture
def price(capsys: pytest.CaptureFixture[str]) -> Price:
    """`price(file, "--per-month", "9")`: the estimate, its variants by their ids."""

    def price(definition: Path, *options: str) -> dict[str, Any]:
        call_command("price_workflow", str(definition), *options, "--json")
        report = json.loads(capsys.readouterr().out)
        return report | {way["way"]: way for way in report["ways"]}

    return price


@pytest.fixture
def written(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """`written(body)`: the file that holds this definition."""

    def write(body: dict[str, Any]) -> Path:
        path = tmp_path / "written.asl.json"
        path.write_text(json.dumps(body))
        return path

    return write


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


def test_the_same_orders_are_priced_in_every_variant(price: Price) -> None:
    report = price(TEN, "--per-month", "1000000", "--batch", "100")

    # No Lambda is called where Step Functions calls the service itself; the transitions stay.
    assert (report["direct"]["before_free_tier"], report["direct"]["lambda"]) == (250.00, 0)
    # 1,000,000 x $1.00 / 1,000,000 = $1.00; 1 s x 64 MB = 0.0625 GB-s, x 1,000,000 = 62,500 GB-s
    # = 17.36 GB-hours x $0.06 = $1.04. No transition, so nothing is free.
    express = report["express"]
    assert (express["before_free_tier"], express["free_tier"]) == (2.04, 0)
    # 10,000 executions x 10 transitions x $0.000025 = $2.50. Each of 9 Lambdas is called once a batch:
    # 90,000 x $0.0000002 = $0.018, and works as long as before, $1.875: $1.893.
    assert (report["batches"]["before_free_tier"], report["batches"]["lambda"]) == (2.50, 1.89)
    # 30 Maps and 10,000 children are 10,030 transitions = $0.25075; 10,000 requests = $0.01;
    # 10,000 x 100 s x 0.0625 GB = 62,500 GB-s = $1.0417: $1.3024.
    assert report["map"]["before_free_tier"] == 1.30


def test_seven_states_with_a_choice_count_the_six_that_are_entered(price: Price) -> None:
    report = price(SEVEN, "--per-month", "1000000")

    # Validate, IsLarge, Screen (the first rule), Charge, Ship, Done; Refused is an error's.
    # 1,000,000 x 6 x $0.000025 = $150.00.
    assert report["paths"][0]["states"] == [
        "Validate",
        "IsLarge",
        "Screen",
        "Charge",
        "Ship",
        "Done",
    ]
    assert report["standard"]["before_free_tier"] == 150.00
    assert [one["taken"] for one in report["paths"][0]["choices"]] == ["Screen"]


def test_another_branch_may_be_chosen(price: Price) -> None:
    report = price(SEVEN, "--per-month", "1000000", "--choose", "IsLarge=Charge")

    # Five states: 1,000,000 x 5 x $0.000025 = $125.00.
    assert report["standard"]["before_free_tier"] == 125.00
    with pytest.raises(Error, match="no way from IsLarge to Done"):
        price(SEVEN, "--per-month", "1", "--choose", "IsLarge=Done")


def test_a_quiet_month_is_free(price: Price) -> None:
    report = price(TEN, "--per-month", "400")

    # 400 x 10 = 4,000 transitions, $0.10, all of them free.
    assert (report["standard"]["before_free_tier"], report["standard"]["free_tier"]) == (
        0.10,
        -0.10,
    )


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


def test_with_a_review_express_alone_is_not_possible_and_its_part_is_priced(price: Price) -> None:
    report = price(ORDERS, "--per-month", "1000000", "--reviewed-percent", "4")

    assert not report["express"]["possible"]
    assert "ManualReview" in report["express"]["why_not"]
    # By hand along the file: CheckOrderId, OpenOrder, SeedOrder, RecordProcessing, ValidateOrder,
    # ProcessPayment, ParallelFulfillment and its three branches, ScheduleShipment, RecordCompleted,
    # OrderCompleted = 13. Held by ValidateOrder: CountReview, CheckReviewRounds, ManualReview and
    # ReadVerdict come in = 17.
    assert [path["transitions"] for path in report["paths"]] == [13, 17]
    # 960,000 x 13 + 40,000 x 17 = 13,160,000 transitions = $329.00.
    assert report["standard"]["before_free_tier"] == 329.00
    # $2.04 of EXPRESS and 40,000 x 17 transitions = $17.00.
    assert report["express_part"]["before_free_tier"] == 19.04
    # 10,000 x 13 = $3.25, 40,000 starts = $1.00, 40,000 x 17 = $17.00.
    assert report["batches"]["before_free_tier"] == 21.25


def test_asking_for_express_where_it_cannot_be_is_a_finding(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("price_workflow", str(ORDERS), "--per-month", "9", "--express")

    assert ended.value.code == 3
    assert "EXPRESS, one execution an order: not possible. ManualReview" in capsys.readouterr().out


def test_an_execution_over_five_minutes_is_not_express(price: Price) -> None:
    report = price(TEN, "--per-month", "9", "--duration-ms", "300001")

    assert not report["express"]["possible"]
    assert not report["map"]["possible"]


def test_the_children_of_a_distributed_map_cost_each(price: Price) -> None:
    report = price(LINTING / "daily.asl.json", "--per-month", "1000000")

    # A run a day is 30 transitions, 1,000,000 / 100 = 10,000 children are 10,000 more: $0.25075.
    # EXPRESS: 10,000 requests $0.01; 10,000 x 100 s x 0.0625 GB = 62,500 GB-s, $1.0417. $1.30.
    assert report["map"]["before_free_tier"] == 1.30
    # Each order is one call of Charge.
    assert report["map"]["lines"][4]["quantity"] == 1_000_000
    # STANDARD children enter Settle once and Charge 100 times: 10,000 x 101 = 1,010,000 = $25.25,
    # with the starts and the parent $25.50.
    assert report["standard"]["before_free_tier"] == 25.50


def test_an_inline_map_counts_the_states_of_each_item(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    inner = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    each = {"Type": "Map", "ItemProcessor": inner, "Next": "Done"}

    report = price(written(workflow(Each=each)), "--per-month", "1000", "--map-items", "5")

    # The Map, five times A, Done = 7; 1,000 x 7 x $0.000025 = $0.175. A batch of 100 orders has
    # 500 items: 10 executions x 502 transitions = 5,020, $0.1255.
    assert report["paths"][0]["transitions"] == 7
    assert report["standard"]["lines"][0]["usd"] == 0.18
    assert report["batches"]["lines"][0]["quantity"] == 5_020


def test_children_of_a_size_that_is_filled_in_later_are_taken_as_the_batch(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    body = json.loads((LINTING / "daily.asl.json").read_text().replace("${MaxConcurrency}", "9"))
    body["States"]["EachOrder"]["ItemBatcher"]["MaxItemsPerBatch"] = "${BatchSize}"

    report = price(written(body), "--per-month", "1000000", "--batch", "250")

    # 1,000,000 / 250 = 4,000 children.
    assert report["map"]["lines"][1]["quantity"] == 4_000
    assert "priced by their definitions" in report["notes"][-1]


def test_a_map_that_starts_executions_has_the_held_orders_for_items(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    start = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution", "End": True}
    inner = {"StartAt": "Start", "States": {"Start": start}}
    body = workflow(Held={"Type": "Map", "ItemProcessor": inner, "Next": "Done"})

    report = price(written(body), "--per-month", "1000000", "--reviewed-percent", "4")

    # A batch of 100 enters Held, Start for 4 held orders, Done: 6; 10,000 x 6 x $0.000025 = $1.50.
    assert report["batches"]["before_free_tier"] == 1.50
    assert report["paths"][0]["choices"][0]["taken"] == "1 item"
    assert "priced by their definitions" in report["notes"][-1]


def test_a_wait_of_more_than_five_minutes_is_not_express(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    body = workflow(Rest={"Type": "Wait", "Seconds": 301, "Next": "Done"})

    assert "301 s" in price(written(body), "--per-month", "1")["express"]["why_not"]


def test_more_orders_than_there_are_people_are_still_a_sum(price: Price) -> None:
    most = str(10**15)
    report = price(TEN, "--per-month", most, "--map-items", most, "--memory-mb", most)

    assert report["standard"]["before_free_tier"] == 250_000_000_000


def test_a_path_that_comes_back_to_itself_is_left_with_a_note(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    body = workflow(
        Poll={"Type": "Pass", "Next": "Rest"}, Rest={"Type": "Wait", "Seconds": 9, "Next": "Poll"}
    )

    report = price(written(body), "--per-month", "1")

    assert report["paths"][0]["states"] == ["Poll", "Rest"]
    assert "comes back to Poll" in report["notes"][-1]


def test_a_review_that_every_order_passes_is_on_the_straight_path(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    report = price(written(workflow(Ask=waits())), "--per-month", "1")

    assert [path["reviews"] for path in report["paths"]] == [1, 1]


def test_a_thousand_states_in_a_row_are_counted(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(2_999)}

    report = price(written(workflow(**states, S2999={"Type": "Succeed"})), "--per-month", "1")

    assert report["paths"][0]["transitions"] == 3_000


def test_a_definition_that_starts_nowhere_is_reported_in_one_line(
    written: Callable[[dict[str, Any]], Path],
) -> None:
    body = workflow(Ask=waits()) | {"StartAt": "Nobody"}

    with pytest.raises(Error, match="starts at 'Nobody'"):
        call_command("price_workflow", str(written(body)), "--per-month", "9")


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
