"""Heartbeats: every open token of a queue that asks for them is kept alive, and no other is touched."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client

from approvals.actions import decisions, intake
from approvals.actions.decisions import DecisionRequest
from approvals.arns import Place
from approvals.gateways import aws, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import Heartbeat, OutboxEntry, RateBucket, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.polling import poller
from approvals.records import heartbeats, service_quotas
from approvals.worker import loop
from approvals.worker.heartbeats import HeartbeatSender
from local import aws as local_aws
from local.processes import dying_with_me
from tests import factories
from tests.desk import wait_until
from tests.factories import actor
from tests.local.aws.workflows import review as waiting_state
from tests.paths import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

OK = Answer(Proof.ACCEPTED)


class Beats:
    """In place of SendTaskHeartbeat: answers as set up, and keeps the times of the calls for each token."""

    def __init__(self) -> None:
        self.answer: Answer | Callable[[str], Answer] = OK
        self.places: set[Place] = set()
        self.times: dict[str, list[float]] = defaultdict(list)

    def __call__(self, place: Place, token: str) -> Answer:
        self.times[token].append(time.monotonic())
        self.places.add(place)
        return self.answer(token) if callable(self.answer) else self.answer

    def __len__(self) -> int:
        return sum(len(times) for times in self.times.values())


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> Beats:
    """Step Functions takes every beat."""
    made = Beats()
    monkeypatch.setattr(stepfunctions, "send_task_heartbeat", made)
    return made


@pytest.fixture
def living(db: None) -> ReviewQueue:
    """A queue whose workflow has HeartbeatSeconds 30."""
    return factories.queue("living", heartbeat_seconds=30)


@pytest.fixture
def sender() -> Iterator[HeartbeatSender]:
    """A heartbeat sender whose turns the test makes."""
    made = HeartbeatSender()
    yield made
    made.close()


def until_quiet(sender: HeartbeatSender) -> None:
    """Turn until nothing is begun and every answer is written down."""
    sender._look_at = sender._report_at = 0
    while sender.turn() or any(pool.under_way for pool in sender._pools.values()):
        pass


def all_due() -> None:
    """A third of the heartbeat seconds has gone by for every row."""
    Heartbeat.objects.update(due_at=Now() - timedelta(milliseconds=1))


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
    review = factories.review(living, taskToken="token-000111222")

    until_quiet(sender)

    assert list(beats.times) == ["token-000111222"]
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
    factories.queue("living", role_arn=role)
    factories.review(
        living, executionArn="arn:aws:states:eu-north-1:222222222222:execution:orders:x"
    )

    until_quiet(sender)

    assert beats.places == {Place("eu-north-1", role)}


def test_queues_without_heartbeat_seconds_are_never_beaten(
    queue: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.review(queue)

    until_quiet(sender)

    assert len(beats) == Heartbeat.objects.count() == 0


def test_a_queue_that_is_told_of_heartbeats_later_keeps_its_old_reviews_alive_too(
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
    factories.review(elsewhere, executionArn=None, taskToken="token-elsewhere")
    beats.answer = lambda token: (
        OK if token == "token-elsewhere" else Answer(Proof.THROTTLED, "ThrottlingException")
    )

    sender._look_at = 0
    began = time.monotonic()
    while time.monotonic() - began < 0.9:
        sender.turn()

    assert len(beats.times["token-elsewhere"]) == 1
    assert len(beats) - 1 < 60, "the first refusals stopped the rest"
    beats.answer = OK
    wait_until(
        lambda: (sender.turn(), Heartbeat.objects.filter(beaten_at=None).count() == 0)[1],
        seconds=15,
        what="the end of the pause",
    )


def test_a_silent_call_never_stops_the_rest(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    silent = factories.review(living, taskToken="token-silent")
    for _ in range(20):
        factories.review(living)
    over = threading.Event()
    beats.answer = lambda token: (token == "token-silent" and over.wait(20) and OK) or OK
    sender._look_at = 0

    try:
        wait_until(
            lambda: (sender.turn(), Heartbeat.objects.exclude(beaten_at=None).count() == 20)[1],
            seconds=10,
            what="the twenty others",
        )
        all_due()
        sender.turn()
        assert Heartbeat.objects.get(review=silent).beaten_at is None
        assert len(beats.times["token-silent"]) == 1, "no second call while the first is under way"
    finally:
        over.set()


def test_two_sweepers_share_the_beats_and_double_none(living: ReviewQueue, beats: Beats) -> None:
    factories.queue("living", heartbeat_seconds=6)
    for _ in range(50):
        factories.review(living)
    stop = threading.Event()
    threads = [threading.Thread(target=loop.send_heartbeats, args=(stop,)) for _ in range(2)]
    began = time.monotonic()
    for thread in threads:
        thread.start()

    time.sleep(7)
    stop.set()
    for thread in threads:
        thread.join(10)

    turns = (time.monotonic() - began) / 2 + 1
    assert len(beats.times) == 50
    assert all(2 <= len(times) <= turns for times in beats.times.values())


def test_a_new_review_is_noticed_within_a_second_or_so_by_the_running_sweeper(
    living: ReviewQueue, beats: Beats
) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=loop.sweep_forever, args=(stop,))
    thread.start()
    try:
        time.sleep(1.5)
        factories.review(living)
        wait_until(lambda: len(beats), seconds=5, what="the first beat")
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_the_beats_outlive_the_databases_absence(
    living: ReviewQueue, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.review(living)
    troubles: list[int] = []
    look = heartbeats.queues

    def flaky() -> list[ReviewQueue]:
        if not troubles:
            troubles.append(1)
            connection.close()
            raise OperationalError("no database")
        return look()

    monkeypatch.setattr(heartbeats, "queues", flaky)
    monkeypatch.setattr(loop, "PAUSE_WITHOUT_DATABASE", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=loop.send_heartbeats, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: len(beats), seconds=10, what="a beat")
    finally:
        stop.set()
        thread.join(10)
    assert troubles


def gauge(name: str, queue: str = "living") -> float | None:
    """What the web server's /metrics says: no sweeper runs in its process."""
    page = Client().get("/metrics").content.decode()
    line = re.search(rf'^countersign_heartbeat{name}{{queue="{queue}"}} (.+)$', page, re.MULTILINE)
    return float(line[1]) if line else None


def test_it_says_how_many_tokens_there_are_and_warns_when_they_are_too_many(
    living: ReviewQueue,
    beats: Beats,
    sender: HeartbeatSender,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        factories.review(living)

    until_quiet(sender)

    assert "heartbeats.load" in caplog.text
    assert "too_many" not in caplog.text
    assert gauge("_open_tokens") == 3
    assert gauge("_capacity_tokens") == 250 * 10  # half of 500 a second, each token every 10 s
    assert gauge("s_due") is not None

    monkeypatch.setitem(service_quotas.QUOTAS, "us-east-1", 0.4)
    until_quiet(sender)

    assert gauge("_capacity_tokens") == 2
    assert "heartbeats.too_many_tokens" in caplog.text


@pytest.mark.parametrize(
    ("region", "rate"),
    [("us-east-1", 250), ("us-west-2", 250), ("eu-west-1", 250), ("eu-west-3", 150)],
)
def test_half_of_the_quota_is_left_for_answers(region: str, rate: int) -> None:
    assert service_quotas.beats_a_second(region) == rate


def test_the_quota_is_one_for_all_processes(
    living: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(service_quotas.QUOTAS, "us-east-1", 20)
    for _ in range(30):
        factories.review(living)
    heartbeats.enroll([living])
    RateBucket.objects.all().delete()

    first, second = heartbeats.claim(living, limit=8), heartbeats.claim(living, limit=8)

    assert len(first) == 8
    assert 2 <= len(second) < 8
    assert not {b.review for b in first} & {b.review for b in second}


def slow(token: str) -> Answer:
    """A call that takes as long as AWS does."""
    time.sleep(0.02)
    return OK


def test_a_thousand_due_tokens_are_beaten_within_the_quota(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.queue("living", heartbeat_seconds=300)
    for _ in range(10):
        intake.accept(living, [factories.received() for _ in range(100)])
    beats.answer = slow
    began = time.monotonic()

    until_quiet(sender)
    while Heartbeat.objects.filter(beaten_at=None).exists():
        sender.turn()

    took = time.monotonic() - began
    assert len(beats) == len(beats.times) == 1000
    assert took > (1000 - 250) / 250 * 0.9, "a burst of one second's share, then the rate"
    with capsys.disabled():
        sys.stdout.write(f"\n1,000 due tokens beaten in {took:.1f} s: {1000 / took:.0f} a second\n")


# --- on the local account, with real processes


@pytest.fixture(scope="module")
def account() -> Iterator[local_aws.Account]:
    started = local_aws.start()
    yield started
    started.stop()


def sweeping(account: local_aws.Account) -> subprocess.Popen[bytes]:
    """A sweeper as its own process, on this test's database."""
    parameters = connection.get_connection_params()
    address = "postgres://{user}@{host}:{port}/{dbname}".format(**parameters)
    return subprocess.Popen(
        [sys.executable, "manage.py", "sweep"],
        cwd=ROOT,
        env=os.environ | account.environment() | {"DATABASE_URL": address},
        preexec_fn=dying_with_me(),  # noqa: PLW1509
    )


def test_a_waiting_state_is_kept_open_while_a_sweeper_runs_and_dies_soon_after_it_is_killed(
    account: local_aws.Account, settings: Any
) -> None:
    settings.AWS_ENDPOINT_URL = account.endpoint
    aws.forget()
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    sqs, states = (
        boto3.client(name, endpoint_url=account.endpoint, region_name=account.region, **keys)
        for name in ("sqs", "stepfunctions")
    )
    url = sqs.create_queue(QueueName="living")["QueueUrl"]
    review = waiting_state(HeartbeatSeconds=6, TimeoutSeconds=300)
    machine = states.create_state_machine(
        name="living",
        definition=json.dumps({"StartAt": "R", "States": {"R": review}}).replace("QUEUE_URL", url),
        roleArn="arn:aws:iam::123456789012:role/local",
    )["stateMachineArn"]
    queue = factories.queue("living", sqs_url=url, heartbeat_seconds=6)

    def status(execution: str) -> str:
        return str(states.describe_execution(executionArn=execution)["status"])

    first, second = sweeping(account), sweeping(account)
    try:
        wait_until(lambda: _looping(first) and _looping(second), seconds=30, what="the sweepers")
        execution = states.start_execution(stateMachineArn=machine)["executionArn"]
        assert poller.poll_once(queue, wait_seconds=5) == 1
        time.sleep(8)
        first.send_signal(signal.SIGKILL)
        time.sleep(8)
        assert status(execution) == "RUNNING", "16 s after its start, and one sweeper is enough"
        beaten = Heartbeat.objects.get().beaten_at

        second.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: status(execution) != "RUNNING", seconds=20, what="the end")
        took = time.monotonic() - killed
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
        aws.forget()
    assert beaten is not None
    assert took < 6 + 2
    assert states.describe_execution(executionArn=execution)["status"] in {"FAILED", "TIMED_OUT"}


def _looping(process: subprocess.Popen[bytes]) -> bool:
    return len(os.listdir(f"/proc/{process.pid}/task")) > 1  # noqa: PTH208
