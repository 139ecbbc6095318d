"""The shipped template and order workflow, deployed into the local account: every path of an order, to its end."""

from __future__ import annotations

import json
from itertools import count

import pytest

from local.aws import Account
from local.order_traffic import order
from tests.orchestration.stack import APPROVED, Workflow

numbers = count(1)


@pytest.fixture(scope="module")
def workflow(local_account: Account) -> Workflow:
    """The shipped stack; a review waits two minutes, and twice at most."""
    return Workflow(local_account, "deployed-", ReviewTimeoutSeconds="120", MaxReviewRounds="2")


@pytest.fixture(scope="module")
def hasty(local_account: Account) -> Workflow:
    """The same, but a review waits one second."""
    return Workflow(local_account, "hasty-", ReviewTimeoutSeconds="1")


def test_paid_order_completes_and_is_carried_through_every_state(workflow: Workflow) -> None:
    placed = order("paid", 1)

    execution = workflow.start(placed)
    found = workflow.ended(execution)

    output = json.loads(found["output"])
    assert found["status"] == "SUCCEEDED"
    assert {name: output[name] for name in placed} == placed
    assert set(output["fulfillment"]) == {"inventory", "email", "analytics"}
    assert output["shipment"]["tracking_number"] == "CSORD-0000001"
    assert workflow.row(placed["order_id"])["status"] == "COMPLETED"
    assert len(workflow.ledger(placed["order_id"], "charge#")) == 1
    assert workflow.status_events(execution) == ["SUCCEEDED"]


def test_numeric_order_id_is_as_good_as_a_string(workflow: Workflow) -> None:
    found = workflow.ended(workflow.start(order("paid", 2) | {"order_id": 4711}))

    assert found["status"] == "SUCCEEDED"
    assert workflow.row(4711)["status"] == "COMPLETED"


def test_order_held_for_fraud_completes_once_approved(workflow: Workflow) -> None:
    placed = order("fraud", 3)
    execution = workflow.start(placed)

    review = workflow.review(placed["order_id"])
    assert review["schemaVersion"] == "1"
    assert review["error"]["Error"] == "FraudSuspected"
    assert review["title"] == "Order ORD-0000003: FraudSuspected"
    assert review["executionArn"] == execution
    assert review["stateMachineArn"] == workflow.outputs["StateMachineArn"]
    assert review["stateName"] == "ManualReview"
    assert (review["retryCount"], review["redriveCount"]) == (0, 0)
    assert review["timeoutSeconds"] == 120
    assert {name: review["input"][name] for name in placed} == placed
    workflow.answer(review)
    found = workflow.ended(execution)

    output = json.loads(found["output"])
    assert output["review"] == APPROVED
    assert output["charge"]["decision_id"] == "d-1"
    assert {name: output[name] for name in placed} == placed
    assert workflow.row(placed["order_id"])["status"] == "COMPLETED"


def test_price_mismatch_is_charged_as_stated_once_approved(workflow: Workflow) -> None:
    placed = order("price_mismatch", 4)
    execution = workflow.start(placed)

    workflow.answer(workflow.review(placed["order_id"]))
    output = json.loads(workflow.ended(execution)["output"])

    assert float(output["charge"]["amount"]) == placed["total"]


def test_rejected_review_ends_the_order_without_a_charge(workflow: Workflow) -> None:
    placed = order("fraud", 5)
    execution = workflow.start(placed)

    workflow.reject(workflow.review(placed["order_id"]))
    found = workflow.ended(execution)

    assert (found["status"], found["error"]) == ("FAILED", "OrderRejected")
    assert found["cause"] == "A reviewer rejected the order."
    assert workflow.row(placed["order_id"])["status"] == "REJECTED"
    assert workflow.ledger(placed["order_id"]) == []


@pytest.mark.parametrize(
    "output", [{"approved": False}, {"approved": "true"}, {}, "approved", None]
)
def test_answer_that_does_not_approve_is_a_rejection(workflow: Workflow, output: object) -> None:
    placed = order("fraud", 100 + next(numbers))
    execution = workflow.start(placed)

    workflow.answer(workflow.review(placed["order_id"]), output)

    assert workflow.ended(execution)["error"] == "OrderRejected"
    assert workflow.ledger(placed["order_id"], "charge#") == []


def test_order_cannot_bring_its_own_approval(workflow: Workflow) -> None:
    forged = {"review": APPROVED, "error": {"Error": "FraudSuspected"}, "workflow": {"rounds": 9}}
    placed = order("fraud", 6) | forged
    execution = workflow.start(placed)

    review = workflow.review(placed["order_id"])
    assert review["input"]["review"] is None
    workflow.reject(review)

    assert workflow.ended(execution)["error"] == "OrderRejected"


def test_review_nobody_decides_expires(hasty: Workflow) -> None:
    placed = order("fraud", 7)

    found = hasty.ended(hasty.start(placed))

    assert (found["status"], found["error"]) == ("FAILED", "OrderExpired")
    assert hasty.row(placed["order_id"])["status"] == "EXPIRED"


def test_review_rounds_are_bounded(workflow: Workflow) -> None:
    placed = order("blocked", 8)
    execution = workflow.start(placed)

    rounds = []
    for _ in range(2):
        review = workflow.review(placed["order_id"])
        rounds.append(review["reviewRound"])
        workflow.answer(review)
    found = workflow.ended(execution)

    assert rounds == [1, 2]
    assert found["error"] == "OrderRejected"
    assert workflow.row(placed["order_id"])["reason"] == found["cause"]


def test_declined_payment_is_notified_and_ends_the_order(workflow: Workflow) -> None:
    placed = order("insufficient_funds", 9)

    found = workflow.ended(workflow.start(placed))

    assert (found["status"], found["error"]) == ("FAILED", "OrderRejected")
    assert workflow.row(placed["order_id"])["status"] == "PAYMENT_FAILED"
    assert [row["entry"]["S"] for row in workflow.ledger(placed["order_id"])] == [
        "email#payment_failed"
    ]


def test_invalid_order_is_rejected_before_anything_is_charged(workflow: Workflow) -> None:
    placed = order("invalid", 10)

    found = workflow.ended(workflow.start(placed))

    assert (found["error"], found["cause"]) == ("OrderRejected", "The order is not valid.")
    assert workflow.row(placed["order_id"])["status"] == "REJECTED"
    assert workflow.ledger(placed["order_id"]) == []


@pytest.mark.parametrize(
    "placed", [{}, {"order_id": ""}, {"order_id": None}, {"order_id": {}}, [1], "order", None]
)
def test_input_without_an_order_id_fails_with_a_name(workflow: Workflow, placed: object) -> None:
    found = workflow.ended(workflow.start(placed))

    assert (found["status"], found["error"]) == ("FAILED", "ValidationError")


def test_lost_answer_of_the_gateway_charges_once(workflow: Workflow) -> None:
    placed = order("gateway_timeout", 11)

    found = workflow.ended(workflow.start(placed))

    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["charge"]["repeated"] is True
    assert len(workflow.ledger(placed["order_id"], "charge#")) == 1
    assert workflow.ledger(placed["order_id"], "attempt#")[0]["times"]["N"] == "2"


def test_second_execution_of_an_order_does_not_charge_again(workflow: Workflow) -> None:
    placed = order("paid", 12)

    for name in ("once", "once-more"):
        assert workflow.ended(workflow.start(placed, name))["status"] == "SUCCEEDED"

    assert len(workflow.ledger(placed["order_id"], "charge#")) == 1


def test_payment_that_timed_out_is_settled_by_the_review(workflow: Workflow) -> None:
    """A charge the gateway made unnoticed is kept when the order goes on, given back when not."""
    approved, rejected = (order("gateway_unreachable", number) for number in (13, 14))
    executions = [workflow.start(placed) for placed in (approved, rejected)]
    reviews = [workflow.review(placed["order_id"]) for placed in (approved, rejected)]
    assert {review["error"]["Error"] for review in reviews} == {"PaymentGatewayTimeout"}

    for placed in (approved, rejected):
        workflow.charge_unnoticed(placed)
    workflow.answer(reviews[0])
    workflow.reject(reviews[1])

    found = [workflow.ended(execution) for execution in executions]
    assert [end["status"] for end in found] == ["SUCCEEDED", "FAILED"]
    assert json.loads(found[0]["output"])["charge"]["repeated"] is True
    assert len(workflow.ledger(approved["order_id"], "charge#")) == 1
    assert workflow.ledger(approved["order_id"], "refund#") == []
    assert len(workflow.ledger(rejected["order_id"], "refund#")) == 1


@pytest.mark.parametrize("kind", ["out_of_stock", "undeliverable"])
def test_order_that_cannot_be_fulfilled_is_undone(workflow: Workflow, kind: str) -> None:
    placed = order(kind, 19)
    placed["order_id"] += kind

    found = workflow.ended(workflow.start(placed))

    assert found["error"] == "OrderRejected"
    assert workflow.row(placed["order_id"])["status"] == "REJECTED"
    assert len(workflow.ledger(placed["order_id"], "charge#")) == 1
    assert len(workflow.ledger(placed["order_id"], "refund#")) == 1
    assert workflow.ledger(placed["order_id"], "reservation#") == []


def test_refused_refund_ends_where_an_operator_sees_it(workflow: Workflow) -> None:
    placed = order("refund_refused", 15)

    execution = workflow.start(placed)
    found = workflow.ended(execution)

    assert (found["status"], found["error"]) == ("FAILED", "RollbackFailed")
    assert workflow.row(placed["order_id"])["status"] == "ROLLBACK_FAILED"


def test_mail_that_bounces_does_not_cost_the_customer_the_order(workflow: Workflow) -> None:
    placed = order("paid", 16)
    placed["customer"]["email"] = "someone@bounce.example"

    found = workflow.ended(workflow.start(placed))

    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["fulfillment"]["email"] == {"skipped": True}


def test_outage_fails_where_it_happened_so_that_it_can_be_redriven(workflow: Workflow) -> None:
    placed = order("gateway_outage", 17)

    execution = workflow.start(placed)
    found = workflow.ended(execution)
    history = workflow.states.get_execution_history(executionArn=execution)["events"]

    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in history
        if "stateEnteredEventDetails" in event
    ]
    assert (found["status"], found["error"]) == ("FAILED", "ConnectionError")
    assert entered[-1] == "ProcessPayment"
    assert workflow.row(placed["order_id"])["status"] == "PROCESSING"


def test_late_end_does_not_overwrite_the_row_of_a_newer_attempt(workflow: Workflow) -> None:
    placed = order("fraud", 18)
    execution = workflow.start(placed)
    review = workflow.review(placed["order_id"])

    newer = workflow.row(placed["order_id"]) | {
        "execution_arn": "newer",
        "status": "COMPLETED",
        "status_order": "3",
        "attempt_started": "2999-01-01T00:00:00.000Z",
    }
    item = {name: {"S": value} for name, value in newer.items()}
    item["status_order"] = {"N": newer["status_order"]}
    workflow.dynamodb.put_item(TableName=workflow.outputs["OrderStatusTable"], Item=item)
    workflow.answer(review)

    assert workflow.ended(execution)["status"] == "SUCCEEDED"
    assert workflow.row(placed["order_id"]) == newer
