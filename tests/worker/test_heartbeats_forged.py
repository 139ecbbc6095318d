"""Heartbeats of tokens that somebody has made up: given up after a few, and no honest one misses its own."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db.models import Q
from django.db.models.functions import Now

from approvals.actions import intake
from approvals.gateways.errors import Answer, Proof
from approvals.models import Heartbeat, ReviewQueue, ReviewTask
from approvals.records import heartbeats, service_quotas
from approvals.worker import periodic
from approvals.worker.heartbeats import HeartbeatSender
from tests import factories
from tests.fake_aws import FakeAws
from tests.waiting_reviews import take_in
from tests.worker.heartbeat_calls import OK, Beats, all_due, until_quiet

pytestmark = pytest.mark.django_db(transaction=True)
INVALID = Answer(Proof.INVALID_TOKEN, "InvalidToken")


def answer(token: str) -> Answer:
    return OK if token.startswith("honest") else INVALID


def test_a_token_that_aws_calls_invalid_is_beaten_at_growing_pauses_and_given_up(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    review = factories.review(living)
    beats.answer = INVALID
    pauses = []
    for _ in range(8):
        all_due()
        until_quiet(sender)
        row = Heartbeat.objects.annotate().get()
        left = heartbeats.seconds_until_due()
        pauses.append(round(left) if left is not None else None)

    assert pauses == [10, 20, 40, None, None, None, None, None]
    assert len(beats) == heartbeats.MOST_REFUSALS
    assert (row.ended_as, row.closed_at is not None) == ("token_refused", True)
    review.refresh_from_db()
    assert (review.status, review.version) == ("pending", 1)


def test_aws_is_not_asked_what_became_of_a_token_that_was_given_up(
    living: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = factories.review(living)
    Heartbeat.objects.create(
        review=review, due_at=Now(), closed_at=Now(), ended_as=Heartbeat.End.TOKEN_REFUSED
    )

    assert periodic.ask_after_executions() == 0


def test_a_token_that_aws_has_accepted_once_is_never_given_up(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.review(living)
    until_quiet(sender)
    beats.answer = INVALID

    for _ in range(6):
        all_due()
        until_quiet(sender)

    row = Heartbeat.objects.get()
    assert (len(beats), row.closed_at, row.refusals) == (7, None, 0)


def test_refused_tokens_are_tried_again_once_the_queue_has_another_role(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.review(living)
    beats.answer = INVALID
    for _ in range(4):
        all_due()
        until_quiet(sender)
    beats.answer = OK
    until_quiet(sender)
    assert len(beats) == 4

    factories.queue("living", role_arn="arn:aws:iam::123456789012:role/reviews")
    until_quiet(sender)

    row = Heartbeat.objects.get()
    assert (len(beats), row.closed_at, row.ended_as, row.refusals) == (5, None, "", 0)
    assert row.beaten_at is not None


def test_tokens_that_aws_has_accepted_come_first_whichever_queue_they_are_in(
    living: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(service_quotas.QUOTAS, "us-east-1", 10)  # five a second
    attacked = factories.queue("attacked", heartbeat_seconds=30)
    for _ in range(20):
        factories.review(attacked)
    honest = {factories.review(living).pk for _ in range(5)}
    heartbeats.enroll([attacked, living])
    Heartbeat.objects.update(due_at=Now() - timedelta(seconds=60))
    Heartbeat.objects.filter(review__in=honest).update(due_at=Now(), beaten_at=Now())

    claimed = heartbeats.claim([attacked, living], limit=48)

    assert {beat.review for beat in claimed} == honest


def flood(
    aws: FakeAws, sender: HeartbeatSender, *, honest: int, forged: int, seconds: float
) -> None:
    """Forged reviews arrive in a queue of honest ones; assert that no honest token is lost."""
    queue = factories.queue(
        "held", sqs_url=aws.create_queue("held"), region="eu-west-1", heartbeat_seconds=6
    )
    machine = aws.machine(review_queue_url=queue.sqs_url, timeout_seconds=3600, heartbeat_seconds=6)
    executions = [aws.start(machine, f"order-{number}", {}) for number in range(honest)]
    take_in(queue)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        sender.turn()
    assert Heartbeat.objects.exclude(beaten_at=None).count() == honest
    for begin in range(0, forged, 100):
        intake.accept(queue, [factories.received() for _ in range(min(100, forged - begin))])
        sender.turn()

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sender.turn()

    lost = [arn for arn in executions if aws.log.effect_of(aws.tasks(arn)[0]["token"])]
    assert lost == []
    gone = Q(ended_as=Heartbeat.End.TOKEN_REFUSED) | Q(refusals__gt=0)
    assert Heartbeat.objects.filter(gone).count() >= forged / 2
    assert ReviewTask.objects.pending().count() == honest + forged


def test_forged_tokens_cost_no_honest_one_its_heartbeat(
    aws: FakeAws, sender: HeartbeatSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(service_quotas.QUOTAS, "eu-west-1", 40)  # 20 a second: 40 tokens in all

    flood(aws, sender, honest=10, forged=120, seconds=13)


@pytest.mark.campaign
def test_2500_forged_tokens_cost_no_honest_one_its_heartbeat(
    aws: FakeAws, sender: HeartbeatSender
) -> None:
    flood(aws, sender, honest=50, forged=2_500, seconds=60)
