"""A new release of the workflow while reviews wait: they go on as they began, and new orders take the release."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import (
    ExecutionSnapshot,
    OrderExecution,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment, packaging
from approvals.polling import poller
from approvals.reconciliation import executions
from approvals.records import execution_snapshots
from local.aws import Account
from local.order_traffic import order
from tests import factories
from tests.factories import actor
from tests.orchestration.definitions.definition_files import ORDER_FULFILLMENT
from tests.orchestration.stack import Workflow

if TYPE_CHECKING:
    from tests.account import Sqs

pytestmark = pytest.mark.django_db
CHANGED = ORDER_FULFILLMENT.replace(
    '"reason": {"S": "shipped"}', '"reason": {"S": "shipped by the next release"}'
)


@pytest.fixture
def workflow(local_account: Account, account: Sqs, settings: Settings) -> Workflow:
    """The shipped stack in the account that the gateways speak to; orders start by its alias."""
    made = Workflow(local_account, "releases-", ReviewTimeoutSeconds="300")
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = made.outputs["StateMachineAliasArn"]
    return made


@pytest.fixture
def held(workflow: Workflow) -> ReviewQueue:
    """The stack's review queue, which takes this machine's reviews whatever its version."""
    url, machine = (workflow.outputs[name] for name in ("ReviewQueueUrl", "StateMachineArn"))
    return factories.queue("releases", sqs_url=url, state_machine_arns=[machine])


def start(placed: dict[str, Any]) -> OrderExecution:
    row, _ = fulfillment.start_order_fulfillment(placed, by=COMMAND_LINE)
    lanes.drain(OutboxEntry.Lane.EXECUTIONS)
    row.refresh_from_db()
    return row


def review_of(queue: ReviewQueue, row: OrderExecution) -> ReviewTask:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        poller.poll_once(queue, wait_seconds=1)
        found = ReviewTask.objects.filter(execution_arn=row.execution_arn).first()
        if found is not None:
            return found
    raise AssertionError(f"no review of {row}")


def version_of(review: ReviewTask) -> str:
    """The version as Step Functions reports it."""
    execution_snapshots.hurry(review.execution_arn)
    executions.inquire(review.execution_arn)
    snapshot = ExecutionSnapshot.objects.get(execution_arn=review.execution_arn)
    return snapshot.state_machine_version_arn


def test_an_open_review_outlives_a_new_release_and_goes_on_in_its_own_definition(
    workflow: Workflow, held: ReviewQueue
) -> None:
    lead = factories.user("release@example.com", "reviewer", held)
    before, after = order("fraud", 701), order("fraud", 702)
    machine = workflow.outputs["StateMachineArn"]

    old = review_of(held, start(before))
    outputs = workflow.deploy_anew("next-release.asl.json", CHANGED)
    new = review_of(held, start(after))

    assert outputs["StateMachineAliasArn"] == workflow.outputs["StateMachineAliasArn"]
    assert [review.definition_revision for review in (old, new)] == [
        packaging.parameters("")["DefinitionKey"],
        "next-release.asl.json",
    ]
    assert [version_of(review) for review in (old, new)] == [f"{machine}:1", f"{machine}:2"]
    assert start(before).pk == OrderExecution.objects.get(order_id=before["order_id"]).pk

    for review in (old, new):
        decide(review, lead)
    ends = [workflow.ended(review.execution_arn) for review in (old, new)]

    assert [end["status"] for end in ends] == ["SUCCEEDED"] * 2
    assert [workflow.row(placed["order_id"])["reason"] for placed in (before, after)] == [
        "shipped",
        "shipped by the next release",
    ]
    assert ReviewTask.objects.count() == OrderExecution.objects.count() == 2


def decide(review: ReviewTask, by: User) -> None:
    decisions.decide(
        review.pk, Outcome.APPROVED, by=actor(by), request=DecisionRequest(undo_seconds=0)
    )
    lanes.drain(OutboxEntry.Lane.CALLBACKS)
    entry = OutboxEntry.objects.get(subject=ReviewTask.objects.get(pk=review.pk).decision_id)
    assert entry.delivery == ("delivered", "acknowledged")
