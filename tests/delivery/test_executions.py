"""Starts of orders are sent: what each answer of StartExecution makes of the order."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals.gateways.errors import Answer, Proof
from approvals.models import AuditEvent, OutboxAttempt
from approvals.records import audit, audit_verification
from tests.starts import ARN, MACHINE, OK, Starts, deliver, entry_state, start

pytestmark = pytest.mark.django_db


def test_an_execution_that_started_is_recorded_with_its_arn(starts: Starts) -> None:
    start({"order_id": "7"})

    order = deliver()

    assert (order.execution_arn, order.status) == (ARN, "running")
    assert order.started_at is not None
    assert entry_state() == ("settled", "acknowledged")
    chain = audit.chain_of("order", order.pk)
    kinds = AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["order.accepted", "order.started"]
    assert audit_verification.verify(chain) == []


@pytest.mark.parametrize("proof", ["ambiguous", "not_sent", "throttled", "access_denied"])
def test_what_may_or_may_not_have_started_is_asked_again_with_the_same_bytes(
    proof: str, starts: Starts
) -> None:
    starts.answers = [Answer(Proof(proof), "x"), OK]
    start({"order_id": "7"})

    assert deliver().status == "pending"
    assert entry_state() == ("waiting", "retrying")
    assert deliver().status == "running"
    assert starts.started[0] == starts.started[1]
    assert list(OutboxAttempt.objects.order_by("number").values_list("result", flat=True)) == [
        proof, "accepted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("proof", "code"), [("refused", "StateMachineDoesNotExist"), ("invalid_output", "V")]
)
def test_what_step_functions_refuses_is_recorded_and_not_tried_again(
    proof: str, code: str, starts: Starts
) -> None:
    start({"order_id": "7"})
    starts.answers = [Answer(Proof(proof), code)]

    order = deliver()

    assert (order.status, order.refusal) == (
        "refused", f"Step Functions refused to start it: {code}",
    )  # fmt: skip
    assert entry_state() == ("parked", "refused")


def test_a_state_machine_arn_that_is_none_is_refused_in_words(settings: Settings) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = "orders"
    start({"order_id": "7"})

    order = deliver()

    assert order.refusal == "Step Functions refused to start it: InvalidArn"
    assert entry_state() == ("parked", "refused")


@pytest.mark.parametrize("qualifier", ["3", "live"])
def test_an_order_is_started_by_the_version_or_alias_it_was_accepted_for(
    qualifier: str, starts: Starts, settings: Settings
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:{qualifier}"
    start({"order_id": "7"})
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:another"

    order = deliver()

    assert starts.started == [(f"{MACHINE}:{qualifier}", "order-7", '{"order_id":"7"}')]
    assert order.execution_arn == ARN
