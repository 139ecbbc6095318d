"""A task token is seen by nobody: not in a log at DEBUG, the database, a wake-up, an error or a row's text."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import traceback
from typing import Any

import pytest
from django.db import connection

from approvals import messages
from approvals.actions import intake
from approvals.models import AuditEvent, OutboxEntry, QuarantinedMessage, ReviewTask, User
from approvals.untrusted.strict_json import Unreadable
from tests import factories
from tests.canary import CANARY, assert_no_canary, everything_stored, spellings
from tests.gateways import wire

pytestmark = pytest.mark.django_db
WALK = """
import logging, sys, django
django.setup()
logging.getLogger("anybody").debug("this is at DEBUG")
for name in sys.argv[1:]:
    logging.getLogger(name).setLevel("DEBUG")
from approvals.polling import poller
from approvals.actions import assignment, decisions
from approvals.actors import Actor
from approvals.delivery import lanes
from approvals.models.choices import Outcome, Surface
from approvals.models import OutboxEntry, ReviewQueue, ReviewTask, User
from django.db.models.functions import Now
alice = User.objects.get(email="alice@example.com")
print(poller.poll_once(ReviewQueue.objects.get(), wait_seconds=0))
by = Actor(alice, Surface.WEB)
at_once = decisions.DecisionRequest(undo_seconds=0)
for review, outcome in zip(ReviewTask.objects.all(), Outcome):
    print(repr(assignment.claim(review.pk, by=by)), review.__dict__)
    decisions.decide(review.pk, outcome, by=by, request=at_once)
for _ in range(3):
    OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
    for entry in OutboxEntry.objects.all():
        lanes.deliver(entry.pk)
"""


def body(number: int) -> str:
    token = f"{CANARY}{number}"
    cause = json.dumps({"errorMessage": f"no answer for {token}"}).replace("/", "\\/")
    fields = {"title": token, "note": [token, {token: token}], "stateName": f"x{token}"}
    error = {"Error": token, "Cause": cause}
    return json.dumps(factories.message(taskToken=token, error=error, orderId=token, **fields))


class Account:
    """AWS: hands out two messages, refuses each token at first in words that repeat it, then takes it."""

    def __init__(self) -> None:
        self.wake_ups: list[bytes] = []
        self.tokens: list[str] = []

    def __call__(self, request: bytes) -> tuple[int, Any]:
        head, _, sent = request.partition(b"\n\n")
        if b"ReceiveMessage" in head:
            return 200, {"Messages": [self.message(number) for number in range(3)]}
        if b"SendMessage" in head:
            self.wake_ups.append(sent)
            return 200, {"Successful": []}
        if b"SendTask" in head:
            token = json.loads(sent)["taskToken"]
            self.tokens.append(token)
            words = f"The task {token} is not known"
            refusals = {1: (500, "InternalFailure"), 2: (400, "ThrottlingException")}
            status, code = refusals.get(self.tokens.count(token), (200, ""))
            return status, {"__type": code, "message": words} if code else {}
        return 200, {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def message(self, number: int) -> dict[str, Any]:
        text = body(number) if number < 2 else body(2)[:-1]  # the third is cut short: unreadable
        attributes = {"SentTimestamp": "1767323045000"}
        return {
            "MessageId": f"m{number}",
            "ReceiptHandle": f"r{number}",
            "Body": text.replace('"timeoutSeconds": 3600', '"timeoutSeconds": null'),
            "Attributes": attributes,
        }


def walk(account: Account, *loud: str) -> subprocess.CompletedProcess[bytes]:
    """Take two reviews from SQS to Step Functions in a process of its own, with the root logger at DEBUG."""
    with wire.answering(account) as server:
        address = "postgres://{user}@{host}:{port}/{dbname}"
        surroundings = os.environ | {
            "DATABASE_URL": address.format(**connection.get_connection_params()),
            "LOG_LEVEL": "DEBUG",
            "AWS_ENDPOINT_URL": server.url,
            "CELERY_BROKER_URL": "sqs://id:secret@",
            "CELERY_QUEUE_URL": f"{server.url}/1/countersign",
        }
        command = [sys.executable, "-c", WALK, *loud]
        return subprocess.run(
            command, env=surroundings, capture_output=True, check=True, timeout=60
        )


@pytest.mark.django_db(transaction=True)
def test_a_token_shows_nowhere_on_its_whole_way_with_the_root_logger_at_debug(alice: User) -> None:
    account = Account()
    run = walk(account)

    entries = OutboxEntry.objects.all()
    assert [entry.delivery.state for entry in entries] == ["delivered"] * 2
    assert sorted(account.tokens) == [f"{CANARY}0"] * 3 + [f"{CANARY}1"] * 3, "the way was walked"
    assert QuarantinedMessage.objects.get().reason == "not_json"
    assert b"this is at DEBUG" in run.stderr
    for shown in (run.stdout, run.stderr, everything_stored(), *account.wake_ups):
        assert_no_canary(shown)
    sent = [
        json.loads(entry["MessageBody"])
        for wake_up in account.wake_ups
        for entry in json.loads(wake_up)["Entries"]
    ]
    args = [json.loads(base64.b64decode(message["body"]))[0] for message in sent]
    assert sorted(args) == sorted([str(entry.pk)] for entry in entries)


@pytest.mark.django_db(transaction=True)
def test_without_the_guard_of_the_loggers_the_canary_would_be_seen(alice: User) -> None:
    run = walk(Account(), "botocore")

    with pytest.raises(AssertionError, match="task token"):
        assert_no_canary(run.stderr)


def test_no_error_on_the_way_in_repeats_the_token() -> None:
    for bad in (
        '"taskToken"',
        '{"taskToken": "%s", "schemaVersion": 2}',
        '{"taskToken": "%s"',
        '["%s"]',
    ):
        text = bad.replace("%s", CANARY)
        with pytest.raises(Unreadable) as refused:
            messages.parse(text)
        shown = "".join(traceback.format_exception(refused.value)) + refused.value.explanation
        assert_no_canary(shown)


def test_a_row_the_database_refuses_leaves_no_token_in_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    queue = factories.queue()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_reviewtask ADD CONSTRAINT no CHECK (reference = '')")

    intake.accept(queue, [factories.received(body(1))])

    assert QuarantinedMessage.objects.get().reason == "not_storable"
    assert_no_canary(caplog.text + "".join(capfd.readouterr()))
    assert_no_canary(everything_stored())


def test_the_text_of_every_row_is_without_token() -> None:
    intake.accept(
        factories.queue(), [factories.received(body(1)), factories.received(body(2)[:-1])]
    )

    for model in (ReviewTask, QuarantinedMessage, AuditEvent):
        for row in model.objects.all():
            assert_no_canary(f"{row} {row!r} {row.__dict__}")


@pytest.mark.parametrize("number", range(len(spellings())))
def test_the_canary_itself_is_recognised_in_each_of_its_spellings(number: int) -> None:
    with pytest.raises(AssertionError, match="task token"):
        assert_no_canary(b"before " + sorted(spellings())[number] + b" after")
