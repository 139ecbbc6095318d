"""Management commands about queues, as an operator gives them, and what they print."""

from __future__ import annotations

import io
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from approvals.gateways import sqs
from approvals.models import ReviewQueue
from tests import factories


def registered(url: str, slug: str = "manual-review", **changes: Any) -> ReviewQueue:
    """A review queue for the SQS queue at this URL."""
    return factories.queue(slug, sqs_url=url, **changes)


def run(*arguments: str) -> str:
    """The standard output of a management command; SQS is asked without waiting for a message."""
    receive, out = sqs.receive, io.StringIO()

    def receive_at_once(*given: Any, **more: Any) -> list[sqs.Message]:
        return receive(*given, **(more | {"wait_seconds": 0}))

    with mock.patch.object(sqs, "receive", receive_at_once):
        call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def take() -> str:
    """What the poller of dead letters prints, which ends when there are none left."""
    return run("poll_queue", "--dead-letters", "--once")


def refused(*arguments: str) -> str:
    """The message with which a management command ends."""
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    return str(refusal.value)
