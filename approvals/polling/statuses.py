"""Polls status events of executions, which EventBridge puts on SQS: best effort, in any order, and twice.

An event changes nothing by itself: its execution is only asked about now instead of later.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from approvals.arns import Place
from approvals.exceptions import DATABASE_AWAY, Unavailable
from approvals.gateways import sqs
from approvals.records import execution_snapshots
from approvals.untrusted import strict_json

log = structlog.get_logger(__name__)

WAIT_SECONDS = 5
PAUSE = 5.0  # seconds


def poll_once(*, wait_seconds: int, limit: int = sqs.BATCH) -> int:
    """Receive a batch of events, note their executions, delete it; returns how many were received.

    Raises Unavailable if SQS does not answer, and OperationalError if the database is away.
    """
    place, url = Place(settings.AWS_REGION), settings.STATUS_EVENTS_QUEUE_URL
    batch = sqs.receive(place, url, wait_seconds=wait_seconds, limit=limit)
    if not batch:
        return 0
    arns = {arn for message in batch if (arn := execution_of(message.body))}
    for arn in sorted(arns):
        execution_snapshots.hurry(arn)
    sqs.delete(place, url, batch)
    log.info("poll.statuses", messages=len(batch), executions=len(arns))
    return len(batch)


def poll_until_empty() -> int:
    """Poll until one empty response; returns how many were received. Does nothing if no queue is set."""
    total = 0
    while settings.STATUS_EVENTS_QUEUE_URL and (received := poll_once(wait_seconds=1)):
        total += received
    return total


def start(stop: threading.Event) -> threading.Thread | None:
    """A thread that polls until `stop` is set; None if STATUS_EVENTS_QUEUE_URL is not set."""
    if not settings.STATUS_EVENTS_QUEUE_URL:
        return None
    thread = threading.Thread(target=_poll_forever, args=(stop,), name="poll-statuses")
    thread.start()
    return thread


def _poll_forever(stop: threading.Event) -> None:
    try:
        while not stop.is_set():
            try:
                poll_once(wait_seconds=WAIT_SECONDS)
            except (*DATABASE_AWAY, Unavailable) as error:
                log.warning("poll.statuses_away", error=str(error)[:300])
                connection.close()
                stop.wait(PAUSE)
            except Exception:  # a thread that ended would lose every later event silently
                log.exception("poll.statuses_failed")
                stop.wait(PAUSE)
    finally:
        connection.close()


def execution_of(body: str) -> str:
    """The ARN of the execution that an event is about; empty for anything else."""
    try:
        event: Any = strict_json.read(body)
        if event["source"] != "aws.states":
            return ""
        arn = event["detail"]["executionArn"]
    except (strict_json.Unreadable, KeyError, TypeError):
        log.warning("poll.no_status_event", bytes=len(body))
        return ""
    return arn if isinstance(arn, str) and len(arn) <= 512 else ""
