"""Rules on reviews: what is retried, what the message tells, and what the answer replaces."""

from __future__ import annotations

import pytest

from approvals.workflows.asl.parser import read_definition
from tests.workflows.linting.definitions import (
    ASK,
    HERE,
    Body,
    definition,
    findings,
    waits,
    workflow,
)


@pytest.mark.parametrize("name", ["States.ALL", "States.TaskFailed", "ReviewRejected"])
def test_a_retry_that_takes_a_rejection_is_found(name: str) -> None:
    review = waits(Retry=[{"ErrorEquals": [name]}])

    assert findings(definition(workflow(Ask=review))) == [("review-retries-rejection", ASK)]


def test_a_retry_of_what_failed_to_send_is_not() -> None:
    review = waits(Retry=[{"ErrorEquals": ["SQS.SdkClientException", "SQS.AmazonSQSException"]}])

    assert findings(definition(workflow(Ask=review))) == []


@pytest.mark.parametrize(
    ("told", "found"),
    [(3_600, False), ("3600", False), (3_601, True), ("604800", True), ("${Limit}", False)],
)
@pytest.mark.parametrize("key", ["timeoutSeconds", "TimeoutSeconds", "timeout_seconds"])
def test_the_deadline_that_the_message_tells_is_the_real_one(
    told: object, found: bool, key: str
) -> None:
    review = waits()
    del review["Parameters"]["MessageBody"]["timeoutSeconds"]
    review["Parameters"]["MessageBody"][key] = told

    wanted = [("review-deadline-differs", ASK)] if found else []
    assert findings(definition(workflow(Ask=review))) == wanted


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        ({"TimeoutSeconds": 60}, True),
        ({"TimeoutSecondsPath": "$.limit"}, True),
        ({"HeartbeatSeconds": 60}, False),
    ],
)
def test_a_message_tells_the_timeout_that_its_state_has(limit: Body, found: bool) -> None:
    review = waits()
    del review["Parameters"]["MessageBody"]["timeoutSeconds"]
    del review["TimeoutSeconds"]

    rules = {rule for rule, _ in findings(definition(workflow(Ask=review | limit)))}
    assert ("review-deadline-untold" in rules) is found


def test_the_case_of_another_deadline_is_exactly_one_finding() -> None:
    found = findings(read_definition(HERE / "cases/miss05-told-deadline-differs.asl.json"))

    assert found == [("review-deadline-differs", "/States/A")]


def test_fields_of_a_message_count_in_every_spelling() -> None:
    found = findings(read_definition(HERE / "cases/miss01-TaskToken.asl.json"))
    review = waits()
    body = review["Parameters"]["MessageBody"]
    body["ExecutionArn.$"] = body.pop("executionArn.$")
    body["retry_count.$"] = body.pop("retryCount.$")

    assert found == findings(definition(workflow(Ask=review))) == []


@pytest.mark.parametrize(
    ("path", "found"), [("$.order_id", True), ("$.decision", False), ("$.verdict", False)]
)
def test_an_answer_may_replace_an_order_that_nobody_reads(path: str, found: bool) -> None:
    review = waits(Next="Branch")
    del review["ResultPath"]
    rules = [{"Variable": "$.verdict", "StringEquals": "yes", "Next": "Tell"}]
    choice = {"Type": "Choice", "Choices": rules, "Default": "Tell"}
    tell = {"Type": "Pass", "Parameters": {"it.$": path}, "End": True}

    wanted = [("review-overwrites-input", ASK)] if found else []
    assert findings(definition(workflow(Ask=review, Branch=choice, Tell=tell))) == wanted
