"""A start that is sent twice is one execution: one of our name and input is ours, with other input it is not."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals.gateways.stepfunctions import Execution
from tests.starts import ARN, EXISTS, MACHINE, OK, Starts, deliver, entry_state, start

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("status", "kept"), [("succeeded", "succeeded"), ("pending_redrive", "running")]
)
def test_an_execution_of_our_name_and_input_is_ours(status: str, kept: str, starts: Starts) -> None:
    order = start({"order_id": "7"})
    starts.answers = [EXISTS]
    starts.existing = (OK, Execution(ARN, status, bytes(order.input_sha256)))

    order = deliver()

    assert starts.described == [ARN]
    assert (order.execution_arn, order.status) == (ARN, kept)
    assert entry_state() == ("settled", "acknowledged")


def test_an_execution_of_our_name_with_other_input_is_refused_for_good(starts: Starts) -> None:
    start({"order_id": "7"})
    starts.answers = [EXISTS]
    starts.existing = (OK, Execution(ARN, "running", b"other"))

    order = deliver()

    assert starts.described == [ARN]
    assert (order.status, order.execution_arn) == ("refused", "")
    assert order.refusal == "An execution named order-7 was started with other input."
    assert entry_state() == ("parked", "refused")


def test_an_existing_execution_that_cannot_be_described_is_asked_for_again(
    starts: Starts,
) -> None:
    start({"order_id": "7"})
    starts.answers = [EXISTS]

    assert deliver().status == "pending"
    assert starts.described == [ARN]
    assert entry_state() == ("waiting", "retrying")


def test_an_execution_that_exists_is_found_whatever_version_was_asked_for(
    starts: Starts, settings: Settings
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:live"
    order = start({"order_id": "7"})
    starts.answers = [EXISTS]
    starts.existing = (OK, Execution(ARN, "succeeded", bytes(order.input_sha256), f"{MACHINE}:2"))

    assert deliver().execution_arn == ARN
    assert starts.described == [ARN]
