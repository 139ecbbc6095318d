"""What the order workflow, its functions and the template must agree on; nothing runs here."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from approvals.orchestration.lambdas import failures
from tests.deploy import template
from tests.orchestration.definitions.definition_files import ORDER_FULFILLMENT
from tests.paths import ROOT

TEMPLATE = (ROOT / "deploy/template.yaml").read_text()
DEFINITION = json.loads(ORDER_FULFILLMENT)
THROTTLES = {"Lambda.TooManyRequestsException", "Lambda.ServiceException"}
TEXTBOOK = {
    *("ValidateOrder", "ProcessPayment", "ParallelFulfillment", "ScheduleShipment", "ManualReview"),
    *("OrderCompleted", "OrderRejected", "NotifyPaymentFailed", "RollbackPayment"),
    *("ReserveInventory", "SendConfirmationEmail", "UpdateAnalytics"),
}


def every_state(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", []):
            yield from every_state(branch)


STATES = dict(every_state(DEFINITION))
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
LAMBDAS = {name: state for name, state in TASKS.items() if state["Resource"].startswith("${")}


def test_textbook_states_are_all_there() -> None:
    assert set(STATES) >= TEXTBOOK
    assert len(LAMBDAS) == 8


@pytest.mark.parametrize("name", [*TASKS, "ParallelFulfillment"])
def test_state_keeps_the_order(name: str) -> None:
    state = STATES[name]

    assert state.get("ResultPath", "$") != "$"
    assert all(rule["ResultPath"].startswith("$.") for rule in state.get("Catch", []))


@pytest.mark.parametrize("name", TASKS)
def test_retries_spread_and_are_capped(name: str) -> None:
    for rule in TASKS[name]["Retry"]:
        assert rule["JitterStrategy"] == "FULL"
        assert rule["MaxDelaySeconds"] > rule["IntervalSeconds"]


@pytest.mark.parametrize("name", LAMBDAS)
def test_lambda_is_retried_when_throttled_and_given_up_on_when_it_hangs(name: str) -> None:
    retried = {error for rule in LAMBDAS[name]["Retry"] for error in rule["ErrorEquals"]}

    assert retried > THROTTLES
    assert LAMBDAS[name]["TimeoutSeconds"] == 30


def test_nothing_but_compensation_and_notices_catches_everything() -> None:
    greedy = {
        name
        for name, state in STATES.items()
        for rule in state.get("Catch", [])
        if "States.ALL" in rule["ErrorEquals"]
    }

    assert greedy == {
        *("ParallelFulfillment", "NotifyPaymentFailed"),
        *("SendConfirmationEmail", "UpdateAnalytics"),
    }


def test_rejection_and_timeout_of_a_review_take_different_paths() -> None:
    review = STATES["ManualReview"]
    paths = {error: rule["Next"] for rule in review["Catch"] for error in rule["ErrorEquals"]}

    assert paths == {
        "ReviewRejected": "ReviewRejected",
        "ApprovalRejected": "ReviewRejected",
        "States.Timeout": "ReviewExpired",
        "States.HeartbeatTimeout": "ReviewExpired",
    }
    assert {error for rule in review["Retry"] for error in rule["ErrorEquals"]} == {
        "SQS.SdkClientException",
        "SQS.AmazonSQSException",
    }


def test_only_an_error_leads_to_a_review_so_the_message_can_name_it() -> None:
    def leads_there(state: dict[str, Any]) -> bool:
        return "CountReview" in {state.get("Next"), state.get("Default")}

    assert not [name for name, state in STATES.items() if leads_there(state)]
    caught = [
        rule
        for state in STATES.values()
        for rule in state.get("Catch", [])
        if rule["Next"] == "CountReview"
    ]
    assert {rule["ResultPath"] for rule in caught} == {"$.error"}


def test_errors_of_the_workflow_are_those_the_functions_raise() -> None:
    raised = {
        name
        for name, found in inspect.getmembers(failures, inspect.isclass)
        if issubclass(found, Exception)
    }
    rules = [
        rule for state in LAMBDAS.values() for rule in (*state["Retry"], *state.get("Catch", []))
    ]
    named = {error for rule in rules for error in rule["ErrorEquals"] if "." not in error}

    assert named <= raised
    # These two are only ever caught by States.ALL.
    assert raised - named == {"OutOfStock", "MailboxUnavailable"}


def test_whole_workflow_outlasts_all_its_reviews() -> None:
    given = template.load()["Parameters"]
    longest, rounds = (
        given[name]["MaxValue"] for name in ("ReviewTimeoutSeconds", "MaxReviewRounds")
    )

    assert DEFINITION["TimeoutSeconds"] > longest * rounds


def test_template_substitutes_what_the_definition_asks_for_and_nothing_else() -> None:
    block = TEMPLATE.split("DefinitionSubstitutions:\n")[1].split("\n\n")[0]

    assert set(re.findall(r"^ +(\w+):", block, re.MULTILINE)) == set(
        re.findall(r"\$\{(\w+)\}", ORDER_FULFILLMENT)
    )


def test_nothing_in_the_definition_belongs_to_one_account() -> None:
    assert not re.search(r"\d{12}|https?://|us-east-1", ORDER_FULFILLMENT + TEMPLATE)
