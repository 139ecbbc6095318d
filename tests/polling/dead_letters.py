"""The commands about queues and their dead letters, as an operator gives them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from approvals.models import ReviewQueue
from tests import factories

if TYPE_CHECKING:
    pass


def registered(url: str, slug: str = "manual-review", **changes: Any) -> ReviewQueue:
    return factories.queue(slug, sqs_url=url, **changes)


def run(*arguments: str) -> str:
    """The standard output of a management command."""
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def take() -> str:
    return run("poll_queue", "--dead-letters", "--once")


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    return str(refusal.value)
