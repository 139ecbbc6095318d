"""The fake account of one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_aws import FakeAws
from tests.fake_aws.clients import FakeAccount


@pytest.fixture
def fake() -> Iterator[FakeAccount]:
    with FakeAws(seed=7) as aws:
        queue = aws.create_queue("manual-review")
        machine = aws.machine(review_queue_url=queue)
        made = FakeAccount(aws, queue, machine)
        yield made
        for name in {"sfn", "sqs"} & set(vars(made)):
            getattr(made, name).close()
