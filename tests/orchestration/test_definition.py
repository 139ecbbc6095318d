"""What the order workflow, its functions and the template must agree on; nothing runs here."""

from __future__ import annotations

import inspect
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from approvals.orchestration import packaging
from approvals.orchestration.lambdas import failures
from tests.deploy import template
from tests.paths import ROOT

TEXT = (ROOT / "approvals/orchestration/definitions/order_fulfillment.asl.json").read_text()
TEMPLATE = (ROOT / "deploy/template.yaml").read_text()
DEFINITION = json.loads(TEXT)
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


def test_rejection_and_timeout_of_a_review_take_different_roads() -> None:
    review = STATES["ManualReview"]
    roads = {error: rule["Next"] for rule in review["Catch"] for error in rule["ErrorEquals"]}

    assert roads == {
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
    # These two are only ever swept up by States.ALL.
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
        re.findall(r"\$\{(\w+)\}", TEXT)
    )


def test_nothing_in_the_definition_belongs_to_one_account() -> None:
    assert not re.search(r"\d{12}|https?://|us-east-1", TEXT + TEMPLATE)


def test_zip_is_the_same_every_time_and_has_every_handler() -> None:
    modules = zipfile.ZipFile(io.BytesIO(packaging.lambda_zip())).namelist()
    handlers = re.findall(r"Handler: (.+)\.handler", TEMPLATE)

    assert packaging.lambda_zip() == packaging.lambda_zip()
    assert {f"{handler.replace('.', '/')}.py" for handler in handlers} <= set(modules)
    assert len(handlers) == 9


def test_zip_holds_nothing_that_needs_django() -> None:
    archive = zipfile.ZipFile(io.BytesIO(packaging.lambda_zip()))
    sources = {name: archive.read(name).decode() for name in archive.namelist()}

    imported = {
        line.split()[1]
        for source in sources.values()
        for line in source.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert not {name for name in imported if name.startswith(("django", "config"))}
    assert all(
        name == "approvals.orchestration.lambdas"
        or name.startswith("approvals.orchestration.lambdas.")
        for name in imported
        if name.startswith("approvals")
    )


def test_packaging_writes_the_artifacts_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert packaging.main([str(tmp_path / "build"), "a-bucket"]) == 0

    said = dict(line.split("=") for line in capsys.readouterr().out.splitlines())
    assert said == packaging.parameters("a-bucket")
    assert {path.name for path in (tmp_path / "build").iterdir()} == set(packaging.artifacts())
    assert packaging.main([]) == 2
