"""The heartbeats of running workers: shared between two, and outliving the death of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta

import boto3
import pytest
from django.db import OperationalError, connection
from mypy_boto3_stepfunctions import SFNClient

from approvals.models import Heartbeat, ReviewQueue
from approvals.polling import poller
from approvals.records import database_time, heartbeats, service_quotas
from approvals.worker import loop
from local import aws as local_aws
from local.processes import dying_with_me
from tests import factories
from tests.account import Sqs
from tests.conditions import wait_until
from tests.local.aws.workflows import review as waiting_state
from tests.paths import ROOT
from tests.worker.heartbeat_calls import Beats

pytestmark = pytest.mark.django_db(transaction=True)
HEARTBEAT_SECONDS = 6


def test_two_workers_share_the_beats_and_double_none(
    living: ReviewQueue, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_quotas, "BEATS_PER_TIMEOUT", 12)  # of 6 seconds: two a second
    factories.queue("living", heartbeat_seconds=6)
    for _ in range(50):
        factories.review(living)
    stop = threading.Event()
    threads = [threading.Thread(target=loop.send_heartbeats, args=(stop,)) for _ in range(2)]
    began = time.monotonic()
    for thread in threads:
        thread.start()

    try:
        wait_until(
            lambda: len(beats.times) == 50 and min(map(len, list(beats.times.values()))) >= 4,
            seconds=60,
            what="four heartbeats of each",
        )
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)

    turns = (time.monotonic() - began) / 0.5 + 1
    assert len(beats.times) == 50
    assert all(len(times) <= turns for times in beats.times.values())


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
        thread.join(60)
    assert not thread.is_alive()


def test_the_beats_outlive_the_databases_absence(
    living: ReviewQueue, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.review(living)
    outages: list[int] = []
    look = heartbeats.queues

    def flaky() -> list[ReviewQueue]:
        if not outages:
            outages.append(1)
            connection.close()
            raise OperationalError("no database")
        return look()

    monkeypatch.setattr(heartbeats, "queues", flaky)
    monkeypatch.setattr(loop, "PAUSE_WITHOUT_DATABASE", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=loop.send_heartbeats, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: len(beats), seconds=60, what="a beat")
    finally:
        stop.set()
        thread.join(60)
    assert outages


def sweeping(account: local_aws.Account) -> subprocess.Popen[bytes]:
    """A worker as its own process, on this test's database."""
    parameters = connection.get_connection_params()
    address = "postgres://{user}@{host}:{port}/{dbname}".format(**parameters)
    return subprocess.Popen(
        [sys.executable, "manage.py", "sweep"],
        cwd=ROOT,
        env=os.environ | account.environment() | {"DATABASE_URL": address},
        preexec_fn=dying_with_me(),  # noqa: PLW1509
    )


@pytest.fixture
def states(local_account: local_aws.Account) -> SFNClient:
    """Step Functions of the account."""
    return boto3.client(
        "stepfunctions",
        endpoint_url=local_account.endpoint,
        region_name=local_account.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def machine_of(states: SFNClient, queue_url: str) -> str:
    """A state machine whose one state waits for a review and needs heartbeats; its ARN."""
    state = waiting_state(HeartbeatSeconds=HEARTBEAT_SECONDS, TimeoutSeconds=300)
    definition = json.dumps({"StartAt": "R", "States": {"R": state}})
    made = states.create_state_machine(
        name="living",
        definition=definition.replace("QUEUE_URL", queue_url),
        roleArn="arn:aws:iam::123456789012:role/local",
    )
    return made["stateMachineArn"]


def beaten_since(at: datetime) -> bool:
    """Whether a heartbeat was accepted after this time."""
    return Heartbeat.objects.filter(beaten_at__gt=at).exists()


def test_a_waiting_state_is_kept_open_while_a_worker_runs_and_dies_soon_after_it_is_killed(
    local_account: local_aws.Account, account: Sqs, states: SFNClient
) -> None:
    url = account.make()
    machine = machine_of(states, url)
    queue = factories.queue("living", sqs_url=url, heartbeat_seconds=HEARTBEAT_SECONDS)

    def status() -> str:
        return states.describe_execution(executionArn=execution)["status"]

    start = database_time.now()
    first, second = sweeping(local_account), sweeping(local_account)
    try:
        wait_until(lambda: _looping(first) and _looping(second), seconds=60, what="the workers")
        execution = states.start_execution(stateMachineArn=machine)["executionArn"]
        assert poller.poll_once(queue, wait_seconds=5) == 1
        wait_until(lambda: beaten_since(start), seconds=60, what="the first heartbeat")
        first.send_signal(signal.SIGKILL)
        longer = database_time.now() + timedelta(seconds=HEARTBEAT_SECONDS)
        wait_until(lambda: beaten_since(longer), seconds=60, what="the heartbeats of the other")
        assert status() == "RUNNING", "one worker is enough"

        second.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: status() != "RUNNING", seconds=60, what="the end")
        took = time.monotonic() - killed
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
    assert took < HEARTBEAT_SECONDS + 2
    assert status() in {"FAILED", "TIMED_OUT"}


def _looping(process: subprocess.Popen[bytes]) -> bool:
    return len(os.listdir(f"/proc/{process.pid}/task")) > 1  # noqa: PTH208
