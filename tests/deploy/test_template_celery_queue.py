"""The calls that Celery makes on its SQS queue, observed: the roles of the template allow just these."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.deploy.processes import SENDS_WAKE_UPS, TAKES_WAKE_UPS
from tests.paths import ROOT

if TYPE_CHECKING:
    from tests.account import Sqs

# A process of its own: the tests' Celery has no broker, and an app is configured once.
WATCHED = """
import os, signal, sys, threading, time
import botocore.client
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection

seen, call, ask = set(), botocore.client.BaseClient._make_api_call, AsyncSQSConnection.make_request
def calling(self, name, *rest): seen.add(name); return call(self, name, *rest)
def asking(self, name, *rest, **more): seen.add(name); return ask(self, name, *rest, **more)
botocore.client.BaseClient._make_api_call, AsyncSQSConnection.make_request = calling, asking

import django
django.setup()
from config.celery import app
for _ in range(3):
    app.send_task("tests.nothing", args=["1"], retry=False, ignore_result=True)
print("sent", *sorted(seen), flush=True)
seen.clear()
done = set()
@app.task(name="tests.nothing", bind=True)
def nothing(self, row):
    done.add(self.request.id)
    if len(done) == 3:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
try:
    app.Worker(pool="threads", concurrency=2, loglevel="ERROR", quiet=True).start()
finally:
    print("taken", *sorted(seen), flush=True)
"""


def test_celery_calls_what_the_roles_allow_and_little_less(account: Sqs) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": account.client.meta.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "CELERY_QUEUE_URL": account.make(VisibilityTimeout=120),
        "CELERY_BROKER_URL": "sqs://",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "NO_PROXY": "127.0.0.1",
    }

    run = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    lines = [line.split() for line in run.stdout.splitlines()]
    seen = {line[0]: {f"sqs:{name}" for name in line[1:]} for line in lines if line}
    assert seen.get("sent") == SENDS_WAKE_UPS, run.stderr
    # A worker that stops makes the messages that it holds visible again; here the queue is empty.
    assert seen["taken"] | {"sqs:ChangeMessageVisibility"} == TAKES_WAKE_UPS
