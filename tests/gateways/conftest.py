"""Clients of AWS that get the answers of a test, or wait for one only briefly."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from botocore.config import Config
from botocore.stub import Stubber

from approvals.arns import Place
from approvals.gateways import aws


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """botocore's Stubber: parameters are validated, errors are the modelled ones."""
    with Stubber(aws.stepfunctions(Place("eu-west-3"))) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """`impatient(0.3)`: clients are made anew, and wait 0.3 s for a connection or an answer."""
    aws.forget()

    def wait_no_longer(seconds: float) -> None:
        timeouts = {"read_timeout": seconds, "connect_timeout": seconds}
        monkeypatch.setattr(aws, "Config", lambda **options: Config(**options | timeouts))
        aws.forget()

    yield wait_no_longer
    aws.forget()
