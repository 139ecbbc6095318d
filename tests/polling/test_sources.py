"""The queues that a poller reads: a dead-letter queue is found in AWS, and only what is ours is taken from it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from approvals.gateways import sqs as gateway
from approvals.models import QuarantinedMessage, ReviewTask
from approvals.polling import poller
from tests.polling.commands import refused, registered, run, take

if TYPE_CHECKING:
    from tests.account import Sqs

pytestmark = pytest.mark.django_db


def test_what_another_queue_gave_up_into_the_same_dead_letters_is_left_there(
    account: Sqs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url, dead = account.make_pair()
    queue = registered(url)
    for _ in range(3):
        account.send(dead)
    sources = iter(["arn:aws:sqs:us-east-1:123456789012:other", account.arn(url), ""])
    receive = gateway.receive

    def from_several(*given: Any, **more: Any) -> list[gateway.Message]:
        return [replace(each, source_arn=next(sources)) for each in receive(*given, **more)]

    monkeypatch.setattr(gateway, "receive", from_several)

    assert poller.poll_once(queue, wait_seconds=0, dead_letters=True) == 3

    assert (QuarantinedMessage.objects.count(), account.left(dead)) == (2, 1)
    assert "poll.not_ours" in caplog.text


def test_a_dead_letter_queue_that_is_registered_itself_is_polled_like_any_other(
    account: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, dead = account.make_pair()
    registered(dead)
    account.send(dead)
    receive = gateway.receive

    def given_up(*given: Any, **more: Any) -> list[gateway.Message]:
        arn = account.arn(url)
        return [replace(each, source_arn=arn) for each in receive(*given, **more)]

    monkeypatch.setattr(gateway, "receive", given_up)

    run("poll_queue", "--once")

    assert ReviewTask.objects.count() == 1


def test_a_queue_without_dead_letters_says_so_and_the_others_have_their_turn(account: Sqs) -> None:
    url, dead = account.make_pair()
    registered(account.make(), "alone")
    registered(url, "paired")
    account.send(dead)

    printed = take()

    assert printed == (
        "Queue alone has no dead-letter queue: set its RedrivePolicy.\npaired: 1 dead letters\n"
    )
    assert QuarantinedMessage.objects.get().queue.slug == "paired"
    assert "alone" in refused("poll_queue", "--dead-letters", "--once", "--queue", "alone")


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        ("arn:aws:sqs:us-east-1:999999999999:theirs", "sqs:GetQueueUrl"),
        ("arn:aws:sqs:eu-west-1:123456789012:elsewhere", "sqs:GetQueueUrl"),
        ("arn:aws:sns:us-east-1:123456789012:topic", "names no SQS queue"),
    ],
)
def test_dead_letters_that_cannot_be_found_are_one_clear_line(
    arn: str, reason: str, account: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = registered(account.make())
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    monkeypatch.setattr(gateway, "attributes", lambda *_: {"RedrivePolicy": policy})

    printed = refused("poll_queue", "--dead-letters", "--once", "--queue", queue.slug)

    assert (reason in printed, arn in printed, "\n" in printed) == (True, True, False)
