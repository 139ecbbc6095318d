"""The paths that orders take through a definition, and what is counted on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.workflows.linting.definitions import HERE as LINTING
from tests.workflows.linting.definitions import waits, workflow
from tests.workflows.pricing.files import SEVEN, Price


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
