"""Two AWS accounts: the workflow lives in one, our keys are of the other, and a role leads across."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from django.db.models.functions import Now

from approvals import arns
from approvals.actions import decisions, people, redelivery
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Unavailable
from approvals.gateways import aws
from approvals.models import AuditEvent, OutboxAttempt, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.polling import poller
from local import aws as local_aws
from tests import factories
from tests.conditions import wait_until
from tests.factories import actor
from tests.local.aws.workflows import review as waiting_state

pytestmark = pytest.mark.django_db

OURS, THEIRS = "111111111111", "123456789012"  # theirs: the one in which moto's workflows act
ROLE = f"arn:aws:iam::{THEIRS}:role/countersign"


@dataclass
class Theirs:
    """A workflow with its queue in their account, as its owner sees it."""

    stepfunctions: Any
    machine: str
    queue_url: str

    def start(self) -> str:
        """Start an execution; its ARN."""
        started = self.stepfunctions.start_execution(stateMachineArn=self.machine)
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """What DescribeExecution says once the execution has ended."""

        def look() -> Any:
            described = self.stepfunctions.describe_execution(executionArn=execution)
            return described["status"] != "RUNNING" and described

        return dict(wait_until(look, seconds=60, what="the end of the execution"))


@pytest.fixture
def theirs(
    local_account: local_aws.Account, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[Theirs]:
    """Their workflow; this process has keys of our account, which know nothing of theirs."""
    options: dict[str, Any] = {
        "region_name": local_account.region,
        "endpoint_url": local_account.endpoint,
        "aws_access_key_id": "owner",
        "aws_secret_access_key": "owner",
    }
    sqs, stepfunctions = boto3.client("sqs", **options), boto3.client("stepfunctions", **options)
    ours: Any = boto3.client("sts", **options).assume_role(
        RoleArn=f"arn:aws:iam::{OURS}:role/us", RoleSessionName="us"
    )
    for name, key in (
        ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        ("AWS_SESSION_TOKEN", "SessionToken"),
    ):
        monkeypatch.setenv(name, ours["Credentials"][key])
    settings.AWS_ENDPOINT_URL = local_account.endpoint
    aws.forget()
    url = sqs.create_queue(QueueName=f"held-{factories.message()['orderId']}")["QueueUrl"]
    definition = {"StartAt": "Review", "States": {"Review": waiting_state()}}
    machine = stepfunctions.create_state_machine(
        name=url.rpartition("/")[2],
        definition=json.dumps(definition).replace("QUEUE_URL", url),
        roleArn=f"arn:aws:iam::{THEIRS}:role/workflow",
    )["stateMachineArn"]
    yield Theirs(stepfunctions, machine, url)
    aws.forget()


def approved(by: User) -> OutboxEntry:
    review = ReviewTask.objects.get()
    decisions.decide(
        review.pk, Outcome.APPROVED, by=actor(by, "api"), request=DecisionRequest(undo_seconds=0)
    )
    return OutboxEntry.objects.get()


def attempt(entry: OutboxEntry) -> OutboxEntry:
    """One attempt now, whatever the schedule says."""
    OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
    lanes.deliver(entry.pk)
    return OutboxEntry.objects.get(pk=entry.pk)


def theirs_by(role: str, at: Theirs) -> ReviewQueue:
    return factories.queue("held", sqs_url=at.queue_url, role_arn=role)


def test_a_message_is_taken_in_and_its_decision_delivered_in_another_account(
    theirs: Theirs,
) -> None:
    queue = theirs_by(ROLE, theirs)
    ada = factories.user("ada@example.com", "reviewer", queue)
    execution = theirs.start()
    assert f":{THEIRS}:" in execution
    assert aws.account_of(arns.Place("us-east-1")) == OURS

    assert poller.poll_once(queue, wait_seconds=5) == 1
    entry = attempt(approved(ada))

    assert entry.delivery == ("delivered", "acknowledged")
    output = json.loads(theirs.ended(execution)["output"])
    assert (output["approved"], output["reviewer"]) == (True, "ada@example.com")
    assert poller.poll_once(queue, wait_seconds=0) == 0, "the message was deleted there too"


def test_without_the_role_their_queue_is_refused(theirs: Theirs) -> None:
    theirs.start()

    with pytest.raises(Unavailable, match=r"NonExistentQueue|QueueDoesNotExist"):
        poller.poll_once(theirs_by("", theirs), wait_seconds=0)


def test_a_decision_sent_from_the_wrong_account_waits_for_the_role_and_is_no_invalid_token(
    theirs: Theirs,
) -> None:
    queue = theirs_by(ROLE, theirs)
    ada = factories.user("ada@example.com", "reviewer", queue)
    execution = theirs.start()
    poller.poll_once(queue, wait_seconds=5)
    theirs_by("", theirs)

    entry = attempt(approved(ada))

    assert entry.delivery == ("waiting", "retrying")
    journalled = OutboxAttempt.objects.get()
    assert (journalled.result, journalled.error_code) == ("access_denied", "WrongAccount")
    data = AuditEvent.objects.get(kind="callback.retrying").data
    assert "another AWS account" in data["why"]

    theirs_by(ROLE, theirs)

    assert attempt(entry).delivery == ("delivered", "acknowledged")
    assert theirs.ended(execution)["status"] == "SUCCEEDED"


def test_a_role_of_a_third_account_waits_too(theirs: Theirs) -> None:
    queue = theirs_by(ROLE, theirs)
    ada = factories.user("ada@example.com", "reviewer", queue)
    theirs.start()
    poller.poll_once(queue, wait_seconds=5)
    theirs_by("arn:aws:iam::333333333333:role/countersign", theirs)

    entry = attempt(approved(ada))

    assert entry.delivery == ("waiting", "retrying")
    assert OutboxAttempt.objects.get().error_code == "WrongAccount"


def test_a_token_that_is_invalid_in_its_own_account_is_parked_as_such(theirs: Theirs) -> None:
    queue = theirs_by(ROLE, theirs)
    ada = factories.user("ada@example.com", "reviewer", queue)
    forged = f"arn:aws:states:us-east-1:{THEIRS}:execution:orders:forged"
    factories.review(queue, executionArn=forged)

    assert attempt(approved(ada)).delivery == ("parked", "invalid_token")


def test_a_state_machine_that_the_queue_no_longer_admits_gets_no_answer_until_the_list_is_mended(
    theirs: Theirs,
) -> None:
    queue = theirs_by(ROLE, theirs)
    ada = factories.user("ada@example.com", "reviewer", queue)
    execution = theirs.start()
    poller.poll_once(queue, wait_seconds=5)
    ReviewTask.objects.update(state_machine_arn=theirs.machine)
    elsewhere = f"arn:aws:states:us-east-1:{THEIRS}:stateMachine:another"
    factories.queue("held", state_machine_arns=[elsewhere])

    entry = attempt(approved(ada))

    assert entry.delivery == ("parked", "access_denied")
    assert OutboxAttempt.objects.get().error_code == "StateMachineNotAdmitted"
    data = AuditEvent.objects.get(kind="callback.parked").data
    assert data["error_code"] == "StateMachineNotAdmitted"
    assert "list of state machines" in data["why"]
    status = theirs.stepfunctions.describe_execution(executionArn=execution)["status"]
    assert status == "RUNNING", "nothing was sent"

    factories.queue("held", state_machine_arns=[elsewhere, theirs.machine])
    operator = factories.user("olga@example.com")
    people.grant_site(operator, "operator", by=COMMAND_LINE)
    redelivery.requeue(entry.pk, by=actor(operator, "api"))

    assert attempt(entry).delivery == ("delivered", "acknowledged")
    assert theirs.ended(execution)["status"] == "SUCCEEDED"
