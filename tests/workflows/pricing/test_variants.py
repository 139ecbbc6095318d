"""The variants in which the same orders can run, priced by hand in the comments, and what is not possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.workflows.linting.definitions import HERE as LINTING
from tests.workflows.linting.definitions import ORDERS, a_map, workflow
from tests.workflows.pricing.files import HERE, TEN, Price


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


def test_a_wait_of_more_than_five_minutes_is_not_express(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    body = workflow(Rest={"Type": "Wait", "Seconds": 301, "Next": "Done"})

    assert "301 s" in price(written(body), "--per-month", "1")["express"]["why_not"]


def test_a_wait_is_a_part_of_an_express_executions_duration(price: Price) -> None:
    report = price(HERE / "cases/p4-long-wait.asl.json", "--per-month", "1000000")

    # 241 s x 0.0625 GB x 1,000,000 = 15,062,500 GB-s = 4,184.03 GB-hours: 1,000 x $0.06
    # + 3,184.03 x $0.03 = $155.52, and $1.00 of requests.
    assert report["express"]["before_free_tier"] == 156.52
    assert report["express"]["lines"][1]["quantity"] == 15_062_500
    why = report["map"]["why_not"]
    assert "100 orders of 1,000 ms and 24,000 s of waiting are 24,100 s" in why


def test_children_too_long_for_express_are_named_with_the_figure(price: Price) -> None:
    options = ("--per-month", "1000000", "--batch", "1000")
    report = price(HERE / "cases/p2-dist-jsonata-batch.asl.json", *options)

    assert report["express"]["why_not"].startswith("M: 1,000 orders of 1,000 ms are 1,000 s, but")


def test_the_waits_of_branches_and_iterations_run_side_by_side(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    def rest(name: str, seconds: int) -> dict[str, Any]:
        return {
            "StartAt": name,
            "States": {name: {"Type": "Wait", "Seconds": seconds, "End": True}},
        }

    both = {"Type": "Parallel", "Branches": [rest("A", 20), rest("B", 30)], "Next": "Done"}
    each = {"Type": "Map", "ItemProcessor": rest("C", 10), "MaxConcurrency": 2, "Next": "Done"}

    def waited(body: dict[str, Any], *options: str) -> float:
        report = price(written(workflow(First=body)), "--per-month", "1", *options)
        return float(report["paths"][0]["wait_seconds"])

    assert waited(both) == 30
    assert waited(each, "--map-items", "5") == 30
    assert waited(each | {"MaxConcurrency": 0}, "--map-items", "40") == 10


def test_the_waits_of_express_children_are_billed(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    pause = {"Type": "Wait", "Seconds": "{% 60 %}", "End": True}
    body = workflow(All=a_map(9, Pause=pause) | {"ItemBatcher": {"MaxItemsPerBatch": 10}})

    report = price(written(body), "--per-month", "1000")

    # 100 children of 10 orders: 10 s of work and 60 s of waiting, 70 s x 0.0625 GB x 100 = 437.5.
    assert [one["quantity"] for one in report["map"]["lines"] if one["unit"] == "GB-seconds"] == [
        437.5
    ]
