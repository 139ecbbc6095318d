"""What a state is for is guessed by the words in its name and its function's name, and by what it calls."""

from __future__ import annotations

import pytest

from approvals.workflows.asl.model import State
from approvals.workflows.linting.state_purpose import (
    is_charge,
    is_compensation,
    is_notice,
    only_reads,
    takes_order,
    takes_order_with_error,
    words,
)
from tests.workflows.linting.definitions import definition, function, workflow

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def task(name: str, resource: str) -> State:
    """A Task of this name."""
    (found,) = definition(workflow(**{name: function(Resource=resource, End=True)})).states[:1]
    return found


@pytest.mark.parametrize(
    ("name", "resource", "purpose"),
    [
        ("NotifyCustomer", f"{ARN}tell", "notice"),
        ("Tell", f"{ARN}send-SMS", "notice"),
        ("Tell", "arn:aws:states:::sns:publish", "notice"),
        ("Tell", "arn:aws:states:::aws-sdk:sesv2:sendEmail", "notice"),
        ("Tell", "arn:aws:states:::sqs:sendMessage", ""),
        ("RefundPayment", f"{ARN}act", "compensation"),
        ("NotifyOfRefund", f"{ARN}act", "notice"),
        ("ChargeCard", f"{ARN}act", "charge"),
        ("Act", f"{ARN}take-payment", "charge"),
        ("NotifyPaymentFailed", f"{ARN}act", "notice"),
        ("RollbackPayment", f"{ARN}act", "compensation"),
        ("ChargeCard", "arn:aws:states:::dynamodb:putItem", ""),
        ("Paymaster", f"{ARN}act", ""),
    ],
)
def test_a_task_has_one_purpose_or_none(name: str, resource: str, purpose: str) -> None:
    state = task(name, resource)

    guesses = {"notice": is_notice, "compensation": is_compensation, "charge": is_charge}
    assert [what for what, guess in guesses.items() if guess(state)] == ([purpose] * bool(purpose))


def test_a_state_that_waits_for_an_answer_is_no_notice() -> None:
    assert not is_notice(task("Notify", "arn:aws:states:::sqs:sendMessage.waitForTaskToken"))


@pytest.mark.parametrize(
    ("resource", "reads"),
    [
        ("arn:aws:states:::dynamodb:getItem", True),
        ("arn:aws:states:::aws-sdk:dynamodb:query", True),
        ("arn:aws:states:::aws-sdk:ec2:describeInstances", True),
        ("arn:aws:states:::aws-sdk:ec2:getterOfNothing", False),
        ("arn:aws:states:::athena:startQueryExecution.sync", False),
        (f"{ARN}get-order", False),
    ],
)
def test_a_call_that_only_reads_is_recognised_by_its_action(resource: str, reads: bool) -> None:
    assert only_reads(task("Ask", resource)) is reads


def test_names_are_cut_at_capitals_and_signs() -> None:
    found = words(task("SendSMSToHTTPServer", f"{ARN}charge_v2-card"))

    assert {"send", "sms", "to", "http", "server", "charge", "card"} <= found


@pytest.mark.parametrize(
    ("name", "with_results", "with_error"),
    [("Ship", True, True), ("MergeResults", False, True), ("HandleError", True, False)],
)
def test_a_lambda_whose_name_speaks_of_results_or_errors_wants_them(
    name: str, with_results: bool, with_error: bool
) -> None:
    state = task(name, f"{ARN}act")

    assert (takes_order(state), takes_order_with_error(state)) == (with_results, with_error)
