"""Dead letters: messages that SQS gave up are kept for an operator, sealed, and only then deleted there."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from approvals.actions import intake, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Unavailable
from approvals.gateways import sqs as gateway
from approvals.models import QuarantinedMessage, ReviewTask
from approvals.polling import poller
from approvals.polling.poller import Budget
from approvals.records import audit, audit_verification, quarantined_messages
from tests import factories
from tests.canary import CANARY, assert_no_canary, everything_stored
from tests.conditions import wait_until
from tests.factories import message
from tests.polling.commands import registered, run, take
from tests.races import second_look

if TYPE_CHECKING:
    from tests.account import Sqs

pytestmark = pytest.mark.django_db


def test_a_dead_letter_goes_to_quarantine_and_a_replay_makes_its_review(account: Sqs) -> None:
    url, dead = account.make_pair(receives=1)
    registered(url)
    body = account.send(url, message(orderId="ORD-9"))
    account.give_up(url)
    assert (account.left(url), account.left(dead)) == (0, 1)

    assert take() == "manual-review: 1 dead letters\n"

    row = QuarantinedMessage.objects.get()
    assert (row.origin, row.reason) == ("dead_letters", "dead_letter")
    assert "gave it up" in row.explanation
    assert quarantined_messages.body_of(row).decode() == body
    assert audit_verification.verify(audit.chain_of("quarantine", row.pk)) == []
    assert (account.left(dead), ReviewTask.objects.count()) == (0, 0)

    run("quarantine", "replay", str(row.pk))

    review = ReviewTask.objects.get()
    assert (review.reference, review.sent_at) == ("ORD-9", row.sent_at)
    assert review.sqs_message_id == row.sqs_message_id


def test_without_the_option_nobody_reads_dead_letters(account: Sqs) -> None:
    url, dead = account.make_pair()
    registered(url)
    account.send(dead)

    assert run("poll_queue", "--once") == "manual-review: 0 messages\n"

    assert (account.left(dead), QuarantinedMessage.objects.count()) == (1, 0)


def test_with_the_option_nobody_reads_the_queue_itself(account: Sqs) -> None:
    url, _ = account.make_pair()
    registered(url)
    account.send(url)

    assert take() == "manual-review: 0 dead letters\n"

    assert (account.left(url), ReviewTask.objects.count()) == (1, 0)


def test_a_dead_letter_that_cannot_be_read_says_so_and_stays_refused(account: Sqs) -> None:
    url, dead = account.make_pair()
    registered(url)
    account.send(dead, "{broken")

    take()

    row = QuarantinedMessage.objects.get()
    assert (row.reason, "not JSON" in row.explanation) == ("dead_letter", True)
    with pytest.raises(SystemExit) as ended:
        run("quarantine", "replay", "--all")
    assert ended.value.code == 3


def test_a_dead_letter_whose_review_is_stored_is_a_duplicate_and_settled(account: Sqs) -> None:
    url, dead = account.make_pair()
    queue = registered(url)
    body = message()
    intake.accept(queue, [factories.received(body)])
    account.send(dead, body)
    account.send(dead, body | {"orderId": "another"})

    take()

    row = QuarantinedMessage.objects.get()
    assert (row.reason, "another body" in row.explanation) == ("dead_letter", True)
    assert (account.left(dead), ReviewTask.objects.count()) == (0, 1)


def test_dead_letters_taken_twice_are_kept_once(account: Sqs) -> None:
    queue = registered("https://sqs.us-east-1.amazonaws.com/123456789012/q")
    arrival = factories.received()
    origin = QuarantinedMessage.Origin.DEAD_LETTERS

    assert intake.accept(queue, [arrival, arrival], origin=origin).quarantined == 1
    assert intake.accept(queue, [arrival], origin=origin) == intake.Taken()


@pytest.mark.django_db(transaction=True)
def test_a_dead_letter_is_deleted_only_after_it_is_committed(
    account: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, dead = account.make_pair()
    queue = registered(url)
    account.send(dead)
    delete, seen = gateway.delete, []

    def look(*arguments: Any) -> Any:
        with second_look() as other:
            count = "SELECT count(*) FROM approvals_quarantinedmessage"
            seen.append(other.execute(count).fetchone())
        return delete(*arguments)

    monkeypatch.setattr(gateway, "delete", look)

    assert poller.poll_once(queue, wait_seconds=0, dead_letters=True) == 1
    assert seen == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_the_long_run_reads_dead_letters_as_they_come_and_waits_out_a_queue_without(
    account: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(poller, "WAIT_SECONDS", 1)
    monkeypatch.setattr(poller, "NEW_QUEUES_EVERY", 0.1)
    url, dead = account.make_pair()
    lone = account.make()
    registered(url, "paired")
    registered(lone, "alone")
    stop = threading.Event()
    names: set[str] = set()

    def poll() -> None:
        with closing(connection):  # this thread's own
            poller.poll_queues([], stop, threads=1, budget=Budget(None), dead_letters=True)

    loop = threading.Thread(target=poll)
    loop.start()
    try:
        account.send(dead)
        wait_until(
            lambda: QuarantinedMessage.objects.count() == 1,
            seconds=60,
            what="the first dead letter",
        )
        names |= {thread.name for thread in threading.enumerate()}
        account.set(lone, RedrivePolicy=account.attributes(url)["RedrivePolicy"])
        account.send(dead)
        wait_until(
            lambda: QuarantinedMessage.objects.count() == 2, seconds=60, what="the second one"
        )
        wait_until(lambda: account.left(dead) == 0, seconds=60, what="the deletion of both")
    finally:
        stop.set()
        loop.join(60)

    assert {"dead-letters-paired", "dead-letters-alone"} <= names
    assert not loop.is_alive()


def test_no_output_log_or_row_shows_the_token_of_a_dead_letter(
    account: Sqs, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    url, dead = account.make_pair()
    registered(url)
    account.send(dead, message(taskToken=CANARY, title=CANARY, stateMachineArn=CANARY))
    account.send(dead, json.dumps(message(taskToken=CANARY))[:-1])
    queues.save(
        "manual-review",
        {"state_machine_arns": ["arn:aws:states:us-east-1:123456789012:stateMachine:orders"]},
        by=COMMAND_LINE,
    )

    printed = take() + run("quarantine", "list") + run("quarantine", "list", "--json")
    for row in QuarantinedMessage.objects.all():
        printed += run("quarantine", "show", str(row.pk)) + f"{row} {row!r} {row.__dict__}"
    with pytest.raises(SystemExit):
        run("quarantine", "replay", "--all")

    assert QuarantinedMessage.objects.count() == 2
    for shown in (printed, caplog.text, *capfd.readouterr(), everything_stored()):
        assert_no_canary(shown)


def test_fifo_dead_letters_are_read_too(account: Sqs) -> None:
    url, dead = account.make_pair(fifo=True)
    registered(url)
    for group in ("a", "a", "b"):
        account.send(dead, MessageGroupId=group)

    take()

    assert (QuarantinedMessage.objects.count(), account.left(dead)) == (3, 0)


def test_a_refusal_of_aws_is_unavailable(account: Sqs) -> None:
    queue = registered(account.make().replace("/t-", "/gone-"))

    with pytest.raises(Unavailable, match="NonExistentQueue"):
        poller.poll_once(queue, wait_seconds=0, dead_letters=True)
