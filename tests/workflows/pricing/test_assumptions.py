"""What an estimate assumes is said: waits, loops, batch sizes, and how old the prices are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from approvals.workflows.pricing import price_list
from approvals.workflows.pricing.assumptions import old_prices
from tests.workflows.linting.definitions import Body, a_map, workflow
from tests.workflows.pricing.files import HERE, TEN, Price
from tests.workflows.shell import Run

CASES = HERE / "cases"
MILLION = ("--per-month", "1000000")


def sentence(report: dict[str, Any], words: str) -> str:
    """The one sentence of an estimate with these words."""
    [found] = [note for note in report["notes"] if words in note]
    return str(found)


@pytest.mark.parametrize(
    ("today", "warned"),
    [("2026-11-25", False), ("2027-11-25", False), ("2027-11-26", True), ("2030-01-01", True)],
)
def test_a_price_list_older_than_a_year_warns(today: str, warned: bool) -> None:
    prices = replace(price_list.load(), date="2026-11-25")

    warning = old_prices(prices, date.fromisoformat(today))

    assert bool(warning) == warned
    assert not warned or "more than a year" in warning[0]


def test_the_warning_stands_in_the_report(price: Price, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("Warning" in note for note in price(TEN, *MILLION)["notes"])

    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)

    assert price(TEN, *MILLION)["notes"][1].startswith("Warning: these prices are ")


def test_a_poll_loop_is_assumed_to_end_at_the_first_time(price: Price) -> None:
    report = price(CASES / "p1-poll-loop.asl.json", *MILLION)

    assert report["paths"][0]["wait_seconds"] == 30
    # 1,000,000 x 31 s x 0.0625 GB = 1,937,500 GB-s = 538.19 GB-hours x $0.06 = $32.29, and $1.00.
    assert report["express"]["before_free_tier"] == 33.29
    assert "Wait, Check, Done?" in sentence(report, "The loop")
    assert "at least 3 transitions and 30 s of waiting" in sentence(report, "The loop")
    assert "last 30 s" in sentence(report, "The Wait states")


def test_a_loop_beside_the_path_is_an_assumption_too(
    price: Price, written: Callable[[dict[str, Any]], Path]
) -> None:
    again = {"Variable": "$.s", "StringEquals": "RUNNING", "Next": "Rest"}
    body = workflow(
        Check={"Type": "Pass", "Next": "Ready?"},
        **{"Ready?": {"Type": "Choice", "Choices": [again], "Default": "Done"}},
        Rest={"Type": "Wait", "Seconds": 60, "Next": "Check"},
    )

    report = price(written(body), *MILLION)

    assert report["paths"][0]["states"] == ["Check", "Ready?", "Done"]
    assert "Rest, Check, Ready?" in sentence(report, "The loop")
    assert "3 transitions and 60 s of waiting" in sentence(report, "The loop")


def test_a_batch_size_given_by_an_expression_is_listed_as_an_assumption(price: Price) -> None:
    report = price(CASES / "p2-dist-jsonata-batch.asl.json", *MILLION, "--batch", "250")

    [children] = report["paths"][0]["children"]
    assert (children["items"], children["items_assumed"]) == (250, True)
    assert "a child of M is given is known only when it runs: 250 are assumed" in sentence(
        report, "assumed"
    )


@pytest.mark.parametrize(
    ("batcher", "items"),
    [
        ({"MaxItemsPerBatch": 20}, 20),
        ({"MaxItemsPerBatch": "{% 20 %}"}, 20),
        ({"MaxItemsPerBatchPath": "$.n"}, None),
        ({"MaxInputBytesPerBatch": 1_000}, None),
        ({"MaxItemsPerBatch": "${Size}"}, None),
    ],
)
def test_a_batch_size_that_is_written_is_not_assumed(
    price: Price, written: Callable[[dict[str, Any]], Path], batcher: Body, items: int | None
) -> None:
    report = price(written(workflow(All=a_map(9) | {"ItemBatcher": batcher})), *MILLION)

    [children] = report["paths"][0]["children"]
    assert children["items"] == (items or 100)
    assert children["items_assumed"] == any("assumed" in n for n in report["notes"]) == (not items)


def test_executions_of_other_workflows_are_listed_as_not_priced(price: Price) -> None:
    report = price(CASES / "p3-nested.asl.json", *MILLION)

    assert sentence(report, "priced by their definitions")
    assert "A waits for a token, a job or children" in report["express"]["why_not"]
    assert "A waits for a token, a job or children" in report["map"]["why_not"]


@pytest.mark.parametrize(
    "wait", [{"SecondsPath": "$.s"}, {"Timestamp": "2030-01-01T00:00:00Z"}, {"Seconds": "${N}"}]
)
def test_a_wait_that_is_left_open_is_named(
    price: Price, written: Callable[[dict[str, Any]], Path], wait: Body
) -> None:
    body = workflow(Rest={"Type": "Wait", "Next": "Done"} | wait)

    assert "How long Rest waits" in sentence(price(written(body), *MILLION), "taken as 0 s")


def test_what_the_volume_assumes_is_listed(price: Price) -> None:
    options = ("--batch", "50", "--duration-ms", "2500", "--memory-mb", "128")
    report = price(TEN, *MILLION, *options)

    assert "work 2,500 ms for an order, with 128 MB" in sentence(report, "An EXPRESS execution")
    assert sentence(report, "50 orders are taken for a batch")


def test_names_in_the_sentences_show_control_characters(
    run_price: Run, written: Callable[[dict[str, Any]], Path]
) -> None:
    body = workflow(**{"Rest\x1b[2J": {"Type": "Wait", "SecondsPath": "$.s", "Next": "Done"}})

    done = run_price(written(body), *MILLION)

    assert "\x1b" not in done.stdout
    assert "How long Rest⟨U+001B⟩[2J waits" in done.stdout
