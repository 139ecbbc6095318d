"""The textbook's bugs: all that a linter can see in its definition, and each put back into ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from approvals.workflows.asl.parser import read_definition
from approvals.workflows.linting.linter import RULES
from tests.paths import ROOT
from tests.workflows.linting.definitions import HERE, OURS, TEXTBOOK, Body, findings, orders

EXPECTED = json.loads((HERE / "textbook.expected.json").read_text())
BUGS = {rule.id: rule.bugs for rule in RULES}
DOCUMENT = ROOT / "docs/workflows.md"
REVIEW = "/States/ManualReview"


def test_the_textbook_has_the_findings_of_the_reviewed_list() -> None:
    found = findings(read_definition(TEXTBOOK))

    assert sorted(found) == sorted((one["rule"], one["pointer"]) for one in EXPECTED["findings"])


def test_the_reviewed_list_has_twelve_rules_and_the_bugs_that_stand_in_a_definition() -> None:
    rules = {one["rule"] for one in EXPECTED["findings"]}

    assert len(rules) >= 12
    assert {bug for rule in rules for bug in BUGS[rule]} == set(range(1, 16)) - {
        3,  # the name in the code and the name in the definition: the textbook's has no Catch at all
        4,  # what a reviewer writes into the cause: seen where a definition parses it
    }
    assert all(one["bug"] in BUGS[one["rule"]] for one in EXPECTED["findings"])


@pytest.mark.parametrize(
    "path",
    sorted([*OURS.glob("*.asl.json"), *(ROOT / "docs/examples").glob("*.asl.json")]),
    ids=lambda path: path.name,
)
def test_our_own_definitions_and_examples_have_none(path: Path) -> None:
    assert findings(read_definition(path)) == []


def without(*keys: str) -> Callable[[Body], object]:
    """The change that removes what stands at the end of these keys."""

    def change(states: Body) -> None:
        place: Any = states
        for key in keys[:-1]:
            place = place[int(key) if key.isdigit() else key]
        place.pop(int(keys[-1]) if keys[-1].isdigit() else keys[-1])

    return change


def no_catch(states: Body) -> None:
    states["ManualReview"].pop("Catch")
    states.pop("ReviewExpired")  # else it could not be reached, which is a finding of its own


def no_timeout_caught(states: Body) -> None:
    states["ManualReview"]["Catch"].pop(1)
    states.pop("ReviewExpired")


def other_name(states: Body) -> None:
    states["ManualReview"]["Catch"][0]["ErrorEquals"] = ["ApprovalRejected"]


def cause_parsed(states: Body) -> None:
    cause = {"cause.$": "States.StringToJson($.review_error.Cause)"}
    states["ReviewRejected"] = {
        "Type": "Pass",
        "Parameters": {"status": "REJECTED", "reason": "A reviewer rejected the order."} | cause,
        "ResultPath": "$.outcome",
        "Next": "RecordRollback",
    }


def uncounted(states: Body) -> None:
    states["ProcessPayment"]["Catch"][1]["Next"] = "ManualReview"


def uncompared(states: Body) -> None:
    states["CheckReviewRounds"]["Choices"][0] = {
        "Variable": "$.workflow.rounds.used",
        "IsPresent": True,
        "Next": "ManualReview",
    }


def all_to_review(states: Body) -> None:
    rule = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "CountReview"}
    states["ProcessPayment"]["Catch"].append(rule)


def static_and_long(states: Body) -> None:
    states["ManualReview"].pop("TimeoutSecondsPath")
    states["ManualReview"]["TimeoutSeconds"] = 345_600


PUT_BACK: list[tuple[int, str, str, Callable[[Body], object]]] = [
    (1, "review-overwrites-input", REVIEW, without("ManualReview", "ResultPath")),
    (2, "review-outcome-uncaught", REVIEW, no_catch),
    (2, "review-outcome-uncaught", REVIEW, without("ManualReview", "Catch", "0")),
    (2, "review-outcome-uncaught", REVIEW, no_timeout_caught),
    (3, "review-error-name", f"{REVIEW}/Catch/0", other_name),
    (4, "review-cause-as-json", "/States/ReviewRejected", cause_parsed),
    (5, "review-loop-unbounded", REVIEW, uncounted),
    (5, "review-loop-unbounded", REVIEW, uncompared),
    (6, "outage-goes-to-people", "/States/ProcessPayment/Catch/2", all_to_review),
    (
        6,
        "lambda-throttle-unretried",
        "/States/ValidateOrder",
        without("ValidateOrder", "Retry", "0"),
    ),
    (
        7,
        "charge-without-key",
        "/States/ProcessPayment",
        without("ProcessPayment", "Parameters", "idempotency_key.$"),
    ),
    (
        7,
        "lambda-timeout-missing",
        "/States/ProcessPayment",
        without("ProcessPayment", "TimeoutSeconds"),
    ),
    (
        8,
        "review-field-unseeded",
        REVIEW,
        without("OpenOrder", "Parameters", "seed", "error"),
    ),
    (
        9,
        "review-uncorrelated",
        REVIEW,
        without("ManualReview", "Parameters", "MessageBody", "executionArn.$"),
    ),
    (
        10,
        "review-deadline-untold",
        REVIEW,
        without("ManualReview", "Parameters", "MessageBody", "timeoutSeconds.$"),
    ),
    (10, "callback-timeout-missing", REVIEW, without("ManualReview", "TimeoutSecondsPath")),
    (10, "review-outlives-retention", f"{REVIEW}/TimeoutSeconds", static_and_long),
    (
        11,
        "notice-decides-outcome",
        "/States/NotifyPaymentFailed",
        without("NotifyPaymentFailed", "Catch"),
    ),
    (
        12,
        "parallel-overwrites-input",
        "/States/ParallelFulfillment",
        without("ParallelFulfillment", "ResultPath"),
    ),
    (
        13,
        "catch-loses-input",
        "/States/ParallelFulfillment/Catch/0",
        without("ParallelFulfillment", "Catch", "0", "ResultPath"),
    ),
    (13, "compensation-unretried", "/States/RollbackPayment", without("RollbackPayment", "Retry")),
    (14, "lambda-unretried", "/States/ScheduleShipment", without("ScheduleShipment", "Retry")),
    (
        14,
        "integration-overwrites-input",
        "/States/RecordProcessing",
        without("RecordProcessing", "ResultPath"),
    ),
]


@pytest.mark.parametrize(
    ("bug", "rule", "pointer", "change"),
    PUT_BACK,
    ids=[f"{bug}-{rule}-{index}" for index, (bug, rule, _, _) in enumerate(PUT_BACK)],
)
def test_a_bug_put_back_into_ours_is_exactly_that_finding(
    bug: int, rule: str, pointer: str, change: Callable[[Body], object]
) -> None:
    assert findings(orders(change)) == [(rule, pointer)]
    assert bug in BUGS[rule]


def test_a_missing_end_put_back_into_ours_is_exactly_that_finding() -> None:
    definition = orders(lambda states: None)
    definition.body.pop("TimeoutSeconds")

    assert findings(definition) == [("workflow-timeout-missing", "")]
    assert BUGS["workflow-timeout-missing"] == (15,)


def test_a_workflow_shorter_than_its_review_put_back_into_ours_is_exactly_that_finding() -> None:
    def fixed(states: Body) -> None:
        states["ManualReview"].pop("TimeoutSecondsPath")
        states["ManualReview"]["TimeoutSeconds"] = 86_400

    definition = orders(fixed)
    definition.body["TimeoutSeconds"] = 86_400

    assert findings(definition) == [("workflow-timeout-short", "/TimeoutSeconds")]


def test_every_bug_of_the_textbook_is_put_back_by_some_row() -> None:
    assert {bug for bug, *_ in PUT_BACK} | {15} == set(range(1, 16))


def test_the_documentation_has_every_rule_with_its_bugs() -> None:
    table = re.findall(r"^\| (`[^|]+`) \| (\d*) ?\|", DOCUMENT.read_text(), re.MULTILINE)

    documented = {rule: bug for rules, bug in table for rule in re.findall(r"`([^`]+)`", rules)}
    assert documented == {rule: "".join(map(str, bugs)) for rule, bugs in BUGS.items()}
