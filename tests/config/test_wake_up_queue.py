"""Celery's queue: whatever lies there, a real worker drops it with one log line, lives, and runs what follows."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from config import wake_up_queue
from config.wake_up_queue import NoWakeUpError
from tests.conditions import wait_until
from tests.paths import ROOT

if TYPE_CHECKING:
    from tests.account import Sqs

TASK = "tests.note"
# The product's application and its command's worker, with a task that says what it was called with.
WORKER = """
import os, signal, threading
import django
django.setup()
from config.celery import app
@app.task(name="tests.note")
def note(*args, **named):
    print("ran", *args, flush=True)
    if args == ("last",):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
app.Worker(pool="{pool}", concurrency=2, loglevel="WARNING", quiet=True).start()
"""


def envelope(*arguments: Any, **changes: Any) -> dict[str, Any]:
    """What kombu sends for a task, before its own base64; a change with the value `...` takes a key out."""
    inner = json.dumps([list(arguments), {}, {}])
    made: dict[str, Any] = {
        "body": base64.b64encode(inner.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": TASK, "id": str(uuid4()), "root_id": "a"},
        "properties": {
            "correlation_id": "a",
            "delivery_info": {"exchange": "", "routing_key": "countersign"},
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    return {key: value for key, value in (made | changes).items() if value is not ...}


def encoded(document: object) -> str:
    """As kombu puts it into SQS."""
    return base64.b64encode(json.dumps(document).encode()).decode()


def headers(**changes: Any) -> dict[str, Any]:
    """The envelope of a task whose headers differ in these."""
    plain = envelope("never")
    return plain | {"headers": plain["headers"] | changes}


DEEP = "[" * 30_000 + "]" * 30_000
UNREADABLE = {
    "no JSON": "what is this",
    "an empty object": "{}",
    "an array": "[1, 2]",
    "a task token of Step Functions": json.dumps({"taskToken": "AQCEAAAAKgAAAAMA", "orderId": "7"}),
    "base64 of no text": base64.b64encode(b"\xff\xfe\x00\x01").decode(),
    "bad base64": "eyJib2R5IjogI===",
    "nested too deeply": DEEP,
    "nested too deeply, encoded": base64.b64encode(DEEP.encode()).decode(),
    "huge": "x" * 1_000_000,
    "huge, of Celery": encoded(envelope("x" * 500_000)),
    "an unknown task": encoded(headers(task="shop.sync")),
    "a task of Celery's own": encoded(headers(task="celery.backend_cleanup")),
    "a task that is an object": encoded(headers(task={"a": 1})),
    "no task": encoded(headers(task=None)),
    "headers that are a text": encoded(envelope(headers="x")),
    "headers that are null": encoded(envelope(headers=None)),
    "no headers": encoded(envelope(headers=...)),
    "no body": encoded(envelope(body=...)),
    "a body that is null": encoded(envelope(body=None)),
    "a body that is a number": encoded(envelope(body=7)),
    "a body of bad base64": encoded(envelope(body="%%%")),
    "a body that is no JSON": encoded(envelope(body=base64.b64encode(b"{").decode())),
    "a body of two": encoded(envelope(body=base64.b64encode(b"[[], {}]").decode())),
    "arguments that are an object": encoded(
        envelope(body=base64.b64encode(b"[{},{},{}]").decode())
    ),
    "a compressed body": encoded(
        envelope(body=base64.b64encode(gzip.compress(b"[[],{},{}]", mtime=0)).decode())
    ),
    "an unknown content type": encoded(
        envelope(**{"content-type": "application/x-python-serialize"})
    ),
    "no content type": encoded(envelope(**{"content-type": ...})),
    "an unknown encoding of the body": encoded(envelope(properties={"body_encoding": "rot13"})),
    "properties that are a text": encoded(envelope(properties="x")),
    "no properties": encoded(envelope(properties=...)),
    "protocol 1": encoded(
        envelope(headers={}, body=base64.b64encode(b'{"task": "tests.note", "id": "1"}').decode())
    ),
    "half of a surrogate pair": encoded(headers(task="\ud800")),
}
UNDERSTOOD = {
    "another routing key": envelope("routing key")
    | {"properties": {"delivery_info": {"routing_key": "celery"}, "body_encoding": "base64"}},
    "no routing": envelope("no routing") | {"properties": {"body_encoding": "base64"}},
    "odd routing": envelope("odd routing")
    | {"properties": {"delivery_info": 7, "body_encoding": "base64", "delivery_tag": []}},
    "a body without base64": envelope("plain", body='[["plain"],{},{}]')
    | {"properties": {"delivery_info": {}}},
    "an id that is no text": headers(id=7) | {"body": envelope("id")["body"]},
    "an odd time": headers(eta="tomorrow", expires=[], timelimit="x", retries="many")
    | {"body": envelope("time")["body"]},
    "callbacks": envelope("callbacks")
    | {
        "body": base64.b64encode(
            json.dumps([["callbacks"], {}, {"callbacks": 7, "chain": "x"}]).encode()
        ).decode()
    },
}


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_whatever_lies_in_the_queue_the_worker_drops_it_and_runs_the_rest(
    account: Sqs, pool: str
) -> None:
    url, dead = account.make_pair(VisibilityTimeout=2)
    for body in UNREADABLE.values():
        account.send(url, body)
    for message in UNDERSTOOD.values():
        account.send(url, encoded(message))
    account.send(url, encoded(envelope("wrong", "arguments", 7)))
    worker = started(account, url, pool)

    try:
        wait_until(lambda: account.left(url) == 0, seconds=90, what="an empty queue")
        assert worker.poll() is None
        account.send(url, encoded(envelope("last")))
        out, errors = worker.communicate(timeout=60)
    finally:
        worker.kill()

    assert worker.returncode == 0, errors
    ran = {line.removeprefix("ran ") for line in out.splitlines() if line.startswith("ran ")}
    assert ran == {
        "routing key",
        "no routing",
        "odd routing",
        "plain",
        "id",
        "time",
        "callbacks",
    } | {
        "wrong arguments 7",
        "last",
    }
    dropped = [json.loads(line) for line in errors.splitlines() if "hint.dropped" in line]
    assert len(dropped) == len(UNREADABLE), errors
    assert all(line["deleted"] and line["reason"] for line in dropped)
    assert "AQCEAAAAKgAAAAMA" not in errors
    assert "Traceback" not in errors
    assert account.left(dead) == 0


# As a web process sends them: more than one request to SQS takes.
SEND = """
import django
django.setup()
from approvals.records import wake_ups
for number in range(13):
    wake_ups._put(("tests.note", str(number), {}))
assert wake_ups.flush(20)
"""


def test_wake_ups_that_were_sent_together_all_run(account: Sqs) -> None:
    url, dead = account.make_pair(VisibilityTimeout=30)
    ran = subprocess.run(
        [sys.executable, "-c", SEND],
        cwd=ROOT,
        env=environment(account, url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hint.lost" not in ran.stderr
    assert account.left(url) == 13

    worker = started(account, url, "solo")
    try:
        wait_until(lambda: account.left(url) == 0, seconds=60, what="an empty queue")
        account.send(url, encoded(envelope("last")))
        out, errors = worker.communicate(timeout=60)
    finally:
        worker.kill()

    assert {line for line in out.splitlines() if line.startswith("ran ")} == {
        *(f"ran {number}" for number in range(13)),
        "ran last",
    }
    assert "hint.dropped" not in errors
    assert account.left(dead) == 0


def started(account: Sqs, url: str, pool: str) -> subprocess.Popen[str]:
    """A worker process on this queue."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER.replace("{pool}", pool)],
        cwd=ROOT,
        env=environment(account, url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment(account: Sqs, url: str) -> dict[str, str]:
    """The environment of a process whose broker is this queue."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": account.client.meta.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "CELERY_QUEUE_URL": url,
        "CELERY_BROKER_URL": "sqs://",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "PUBLIC_URL": "https://countersign.example",
        "SECRET_KEY": "check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM",
        "TOKEN_KEYS": "check:Y2hlY2stb25seS0wMTIzNDU2Nzg5YWJjZGVmZ2hpams=",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_wake_up_is_named_without_its_content(name: str) -> None:
    with pytest.raises(NoWakeUpError) as refusal:
        wake_up_queue.envelope(UNREADABLE[name], {TASK, "celery.backend_cleanup"})

    assert len(str(refusal.value)) < 60
    assert "AQCE" not in str(refusal.value)


def test_a_message_is_built_anew_with_its_task_and_arguments_alone() -> None:
    task_id = str(uuid4())
    given = headers(id=task_id, expires="2001-01-01", secret="AQCEAAAA") | {
        "body": envelope("row")["body"]
    }

    made = json.loads(wake_up_queue.envelope(encoded(given), {TASK}))

    assert made["headers"] == {"lang": "py", "task": TASK, "id": task_id, "root_id": task_id}
    assert json.loads(base64.b64decode(made["body"])) == [["row"], {}, {}]
    assert "AQCE" not in json.dumps(made)
