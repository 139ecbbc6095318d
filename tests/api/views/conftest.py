"""Fixtures of the views: a program whose webhook secret is good for all queues."""

from __future__ import annotations

import pytest

from approvals.models import (
    ReviewQueue,
)
from tests.api.signing import Sender, issue


@pytest.fixture
def erp(queue: ReviewQueue) -> Sender:
    """A program whose secret is good for all queues."""
    return issue()
