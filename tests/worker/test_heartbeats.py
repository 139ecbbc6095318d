"""Heartbeats: every open token of a queue that asks for them is kept alive, and no other is touched."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals import arns
from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.arns import Place
from approvals.gateways.errors import Answer, Proof
from approvals.models import Heartbeat, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import heartbeats
from approvals.worker.heartbeats import HeartbeatSender
from tests import factories
from tests.conditions import wait_until
from tests.factories import actor
from tests.worker.heartbeat_calls import OK, Beats, all_due, until_quiet

pytestmark = pytest.mark.django_db(transaction=True)


def decided(by: User, **message: Any) -> OutboxEntry:
    review = factories.review(ReviewQueue.objects.get(slug="living"), **message)
    decisions.decide(
        review.pk, Outcome.APPROVED, by=actor(by, "api"), request=DecisionRequest(undo_seconds=0)
    )
    review.refresh_from_db()
    return OutboxEntry.objects.get(subject=review.decision_id)


def test_a_new_review_is_beaten_at_once_and_again_after_a_third_of_its_heartbeat_seconds(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    review = factories.review(living, taskToken="token-000111222333")

    until_quiet(sender)

    assert list(beats.times) == ["token-000111222333"]
    assert beats.places == {Place("us-east-1")}
    row = Heartbeat.objects.get(review=review)
    assert 9 < (row.due_at - row.beaten_at).total_seconds() <= 10

    until_quiet(sender)
    assert len(beats) == 1, "nothing is due before its time"
    all_due()
    until_quiet(sender)
    assert len(beats) == 2


def test_a_beat_goes_to_the_executions_region_as_the_queues_role(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    role = "arn:aws:iam::222222222222:role/reviews"
    machine = "arn:aws:states:eu-north-1:222222222222:stateMachine:orders"
    factories.queue("living", role_arn=role, state_machine_arns=[machine])
    living.refresh_from_db()
    factories.review(living, stateMachineArn=machine, executionArn=arns.execution_arn(machine, "x"))

    until_quiet(sender)

    assert beats.places == {Place("eu-north-1", role)}


def test_queues_without_heartbeat_seconds_are_never_beaten(
    queue: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.review(queue)

    until_quiet(sender)

    assert len(beats) == Heartbeat.objects.count() == 0


def test_a_queue_that_asks_for_heartbeats_later_keeps_its_old_reviews_alive_too(
    queue: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.review(queue)
    ReviewTask.objects.update(received_at=Now() - timedelta(days=2))
    factories.queue(queue.slug, heartbeat_seconds=60)

    until_quiet(sender)
    assert len(beats) == 1

    factories.queue(queue.slug, heartbeat_seconds=None)
    all_due()
    until_quiet(sender)
    assert (len(beats), Heartbeat.objects.count()) == (1, 0)


def test_more_old_reviews_than_one_look_takes_in_do_not_wait_for_the_next_half_minute(
    queue: ReviewQueue, beats: Beats, sender: HeartbeatSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "ENROLL_AT_ONCE", 2)
    for _ in range(5):
        factories.review(queue)
    ReviewTask.objects.update(received_at=Now() - timedelta(days=2))
    factories.queue(queue.slug, heartbeat_seconds=60)

    for _ in range(3):
        sender._look_at = 0
        sender.turn()

    assert Heartbeat.objects.count() == 5


def test_shorter_heartbeat_seconds_count_at_once(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.queue("living", heartbeat_seconds=3600)
    factories.review(living)
    until_quiet(sender)

    factories.queue("living", heartbeat_seconds=30)
    until_quiet(sender)

    assert len(beats) == 2


@pytest.mark.parametrize(
    ("state", "detail", "kept"),
    [
        ("waiting", "queued", True),
        ("sending", "", True),
        ("parked", "access_denied", True),
        ("settled", "acknowledged", False),
    ],
)
def test_a_decided_review_is_kept_alive_until_its_callback_is_concluded(
    state: str, detail: str, kept: bool, living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    ada = factories.user("ada@example.com", "reviewer", living)
    entry = decided(ada)
    ended = None if state in {"waiting", "sending"} else Now()
    lease = Now() + timedelta(minutes=1) if state == "sending" else None
    OutboxEntry.objects.filter(pk=entry.pk).update(
        state=state, detail=detail, ended_at=ended, lease_until=lease
    )

    until_quiet(sender)

    assert bool(len(beats)) == kept


def test_rows_of_a_review_that_has_ended_stop(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    ada = factories.user("ada@example.com", "reviewer", living)
    entry = decided(ada)
    until_quiet(sender)
    assert len(beats) == 1

    OutboxEntry.objects.filter(pk=entry.pk).update(
        state="settled", detail="acknowledged", ended_at=Now()
    )
    all_due()
    until_quiet(sender)

    assert (len(beats), Heartbeat.objects.count()) == (1, 0)


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_a_closed_token_is_marked_and_beaten_no_more_and_the_review_stays_as_it_is(
    code: str, living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    review = factories.review(living)
    beats.answer = Answer(Proof.CLOSED, code)

    until_quiet(sender)
    all_due()
    until_quiet(sender)

    assert len(beats) == 1
    assert Heartbeat.objects.get().closed_at is not None
    review.refresh_from_db()
    assert (review.status, review.version) == ("pending", 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Proof.NOT_SENT, "ConnectTimeoutError"),
        Answer(Proof.AMBIGUOUS, "ReadTimeoutError"),
        Answer(Proof.ACCESS_DENIED, "AssumeRole AccessDenied"),
    ],
    ids=lambda answer: answer.code,
)
def test_a_beat_that_proves_nothing_is_tried_again_before_the_heartbeat_seconds_run_out(
    answer: Answer, living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.review(living)
    beats.answer = answer

    until_quiet(sender)

    left = heartbeats.seconds_until_due()
    assert 2 < left < 3.4, "a third of a third of 30 seconds"
    assert Heartbeat.objects.get().beaten_at is None


def test_an_unforeseen_failure_of_a_call_costs_no_more_than_that_call(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender, caplog: pytest.LogCaptureFixture
) -> None:
    factories.review(living)

    def stumble(token: str) -> Answer:
        raise RuntimeError("a bug")

    beats.answer = stumble
    until_quiet(sender)
    assert "heartbeat.failed" in caplog.text
    assert "token-" not in caplog.text

    beats.answer = OK
    all_due()
    until_quiet(sender)
    assert Heartbeat.objects.get().beaten_at is not None


def test_throttling_stops_the_calls_of_that_place_for_a_while_and_of_no_other(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    elsewhere = factories.queue("elsewhere", heartbeat_seconds=30, region="eu-west-3")
    for _ in range(60):
        factories.review(living, executionArn=None)
    factories.review(elsewhere, executionArn=None, taskToken="token-from-elsewhere")
    beats.answer = lambda token: (
        OK if token == "token-from-elsewhere" else Answer(Proof.THROTTLED, "ThrottlingException")
    )

    sender._look_at = 0
    began = time.monotonic()
    while time.monotonic() - began < 0.9:
        sender.turn()

    assert len(beats.times["token-from-elsewhere"]) == 1
    assert len(beats) - 1 < 60, "the first refusals stopped the rest"
    beats.answer = OK
    wait_until(
        lambda: (sender.turn(), Heartbeat.objects.filter(beaten_at=None).count() == 0)[1],
        seconds=60,
        what="the end of the pause",
    )


def test_a_silent_call_never_stops_the_rest(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    silent = factories.review(living, taskToken="token-that-is-silent")
    for _ in range(20):
        factories.review(living)
    over = threading.Event()
    beats.answer = lambda token: (token == "token-that-is-silent" and over.wait(90) and OK) or OK
    sender._look_at = 0

    try:
        wait_until(
            lambda: (sender.turn(), Heartbeat.objects.exclude(beaten_at=None).count() == 20)[1],
            seconds=60,
            what="the twenty others",
        )
        all_due()
        sender.turn()
        assert Heartbeat.objects.get(review=silent).beaten_at is None
        assert len(beats.times["token-that-is-silent"]) == 1, (
            "no second call while the first is under way"
        )
    finally:
        over.set()
