"""Starting orders: one order, one execution, however often it is asked for and whatever AWS answers."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid, NotAllowed, OrderConflict, Unavailable
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import AuditEvent, OrderExecution, OutboxAttempt, OutboxEntry, User
from approvals.orchestration import fulfillment
from approvals.records import audit
from tests.factories import actor
from tests.races import at_once

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:order-7"
OK = Answer(Proof.ACCEPTED)
EXISTS = Answer(Proof.CONFLICT, "ExecutionAlreadyExists")


class StepFunctions:
    """Answers StartExecution and DescribeExecution as it is told, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[Answer, str]] = [(OK, ARN)]
        self.existing: tuple[Answer, Execution | None] = (Answer(Proof.AMBIGUOUS, "x"), None)
        self.started: list[tuple[str, str, str]] = []

    def start(self, machine: str, name: str, text: str) -> tuple[Answer, str]:
        self.started.append((machine, name, text))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def describe(self, place: Any, arn: str) -> tuple[Answer, Execution | None]:
        assert arn == ARN
        return self.existing


@pytest.fixture(autouse=True)
def machine(settings: Any) -> None:
    """The order workflow is configured."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    """Step Functions, taking every order unless told otherwise."""
    made = StepFunctions()
    monkeypatch.setattr(stepfunctions, "start_execution", made.start)
    monkeypatch.setattr(stepfunctions, "describe_execution", made.describe)
    return made


def start(order: dict[str, Any], by: User | None = None) -> OrderExecution:
    as_actor = actor(by, "api") if by else COMMAND_LINE
    return fulfillment.start_order_fulfillment(order, by=as_actor)[0]


def deliver() -> OrderExecution:
    """One attempt now at the only order."""
    OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
    lanes.deliver(OutboxEntry.objects.get().pk)
    return OrderExecution.objects.get()


def state() -> tuple[str, str]:
    return OutboxEntry.objects.values_list("state", "detail").get()


def test_an_order_is_stored_with_what_will_start_it_and_its_trail() -> None:
    order = start({"total": 5, "order_id": 7, "name": "é"})

    text = '{"name":"é","order_id":"7","total":5}'
    entry = OutboxEntry.objects.get()
    assert (order.order_id, order.name, order.status, order.input) == (
        "7",
        "order-7",
        "pending",
        text,
    )
    assert (entry.subject, bytes(entry.payload)) == (order.pk, text.encode())
    assert bytes(order.input_sha256) == hashlib.sha256(text.encode()).digest()
    assert audit.verify(audit.chain_of("order", order.pk)) == []


def test_the_same_order_again_is_the_same_row_and_other_content_a_conflict() -> None:
    first = start({"order_id": "A-1", "a": 1, "b": [2]})

    assert start({"b": [2], "a": 1, "order_id": "A-1"}) == first
    with pytest.raises(OrderConflict) as refused:
        start({"order_id": "A-1", "a": 2})
    assert refused.value.extra == {"order_id": "A-1"}
    assert OutboxEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_order_asked_for_by_sixteen_at_once_is_stored_and_started_once(
    aws: StepFunctions,
) -> None:
    rows = at_once([lambda: start({"order_id": "7"})] * 16)
    at_once([lambda: lanes.drain(OutboxEntry.Lane.EXECUTIONS)] * 4)

    assert {row.pk for row in rows} == {OrderExecution.objects.get().pk}
    assert aws.started == [(MACHINE, "order-7", '{"order_id":"7"}')]


@pytest.mark.parametrize(
    ("order_id", "name"),
    [
        ("7", "order-7"), ("A_b-9", "order-A_b-9"), ("x" * 74, "order-" + "x" * 74),
        *((bad, f"order-{hashlib.sha256(bad.encode()).hexdigest()[:40]}")
          for bad in ("x" * 75, "a b", "a/b", "é", 'a"b', "a.b", "\U0001f642")),
    ],
)  # fmt: skip
def test_an_executions_name_is_the_orders_or_a_digest_of_it(order_id: str, name: str) -> None:
    assert start({"order_id": order_id}).name == name
    assert len(name) <= 80


@pytest.mark.parametrize(
    "order",
    [
        {}, {"order_id": None}, {"order_id": ""}, {"order_id": "  "}, {"order_id": True},
        {"order_id": 1.5}, {"order_id": ["7"]}, {"order_id": "x" * 257}, {"order_id": "a\nb"},
        {"order_id": "a\0"}, {"order_id": "\ud800"}, {"order_id": "\u202e7"},
        {"order_id": "7", "a": "\ud800"}, {"order_id": "7", "a": "x\0"}, {"order_id": "7", "\0": 1},
        {"order_id": "7", "a": float("nan")}, {"order_id": "7", "a": float("inf")},
        {"order_id": "7", "a": "é" * 131_072},
    ],
)  # fmt: skip
def test_an_order_step_functions_would_not_take_is_invalid(order: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        start(order)

    assert not OrderExecution.objects.exists()


def test_an_order_that_only_speaks_of_nul_is_fine() -> None:
    assert start({"order_id": "7", "note": "the text \\u0000 is no NUL"}).status == "pending"


def test_who_has_no_right_to_orders_starts_none_and_without_a_workflow_nobody(
    carol: User, settings: Any
) -> None:
    with pytest.raises(NotAllowed):
        start({"order_id": "7"}, by=carol)
    people.grant_site(carol, "orders", by=COMMAND_LINE)
    assert start({"order_id": "7"}, by=carol).created_by == carol

    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ""
    with pytest.raises(Unavailable):
        start({"order_id": "8"}, by=carol)


def test_an_execution_that_started_is_recorded_with_its_arn(aws: StepFunctions) -> None:
    start({"order_id": "7"})

    order = deliver()

    assert (order.execution_arn, order.status) == (ARN, "running")
    assert order.started_at is not None
    assert state() == ("settled", "acknowledged")
    chain = audit.chain_of("order", order.pk)
    kinds = AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["order.accepted", "order.started"]
    assert audit.verify(chain) == []


@pytest.mark.parametrize("proof", ["ambiguous", "not_sent", "throttled", "access_denied"])
def test_what_may_or_may_not_have_started_is_asked_again_with_the_same_bytes(
    proof: str, aws: StepFunctions
) -> None:
    aws.answers = [(Answer(Proof(proof), "x"), ""), (OK, ARN)]
    start({"order_id": "7"})

    assert deliver().status == "pending"
    assert state() == ("waiting", "retrying")
    assert deliver().status == "running"
    assert aws.started[0] == aws.started[1]
    assert list(OutboxAttempt.objects.order_by("number").values_list("result", flat=True)) == [
        proof, "accepted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kept"), [("succeeded", "succeeded"), ("pending_redrive", "running")]
)
def test_an_execution_of_our_name_and_input_is_ours(
    status: str, kept: str, aws: StepFunctions
) -> None:
    order = start({"order_id": "7"})
    aws.answers = [(EXISTS, "")]
    aws.existing = (OK, Execution(ARN, status, bytes(order.input_sha256)))

    order = deliver()

    assert (order.execution_arn, order.status) == (ARN, kept)
    assert state() == ("settled", "acknowledged")


def test_an_execution_of_our_name_with_other_input_is_refused_for_good(aws: StepFunctions) -> None:
    start({"order_id": "7"})
    aws.answers = [(EXISTS, "")]
    aws.existing = (OK, Execution(ARN, "running", b"other"))

    order = deliver()

    assert (order.status, order.execution_arn) == ("refused", "")
    assert order.refusal == "An execution named order-7 was started with other input."
    assert state() == ("parked", "refused")


def test_an_existing_execution_that_cannot_be_described_is_asked_for_again(
    aws: StepFunctions,
) -> None:
    start({"order_id": "7"})
    aws.answers = [(EXISTS, "")]

    assert deliver().status == "pending"
    assert state() == ("waiting", "retrying")


@pytest.mark.parametrize(
    ("proof", "code"), [("refused", "StateMachineDoesNotExist"), ("invalid_output", "V")]
)
def test_what_step_functions_refuses_is_said_and_not_tried_again(
    proof: str, code: str, aws: StepFunctions
) -> None:
    start({"order_id": "7"})
    aws.answers = [(Answer(Proof(proof), code), "")]

    order = deliver()

    assert (order.status, order.refusal) == (
        "refused", f"Step Functions refused to start it: {code}",
    )  # fmt: skip
    assert state() == ("parked", "refused")


def test_a_state_machine_arn_that_is_none_is_refused_in_words(settings: Any) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = "orders"
    start({"order_id": "7"})

    order = deliver()

    assert order.refusal == "Step Functions refused to start it: InvalidArn"
    assert state() == ("parked", "refused")


@pytest.mark.parametrize("qualifier", ["3", "live"])
def test_an_order_is_started_by_the_version_or_alias_it_was_accepted_for(
    qualifier: str, aws: StepFunctions, settings: Any
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:{qualifier}"
    start({"order_id": "7"})
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:another"

    order = deliver()

    assert aws.started == [(f"{MACHINE}:{qualifier}", "order-7", '{"order_id":"7"}')]
    assert order.execution_arn == ARN


def test_a_new_version_of_the_workflow_is_no_new_machine_for_an_order(settings: Any) -> None:
    rows = []
    for arn in (MACHINE, f"{MACHINE}:3", f"{MACHINE}:live"):
        settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = arn
        rows.append(start({"order_id": "7"}))
        with pytest.raises(OrderConflict):
            start({"order_id": "7", "total": 1})

    assert rows[0] == rows[1] == rows[2]
    assert OutboxEntry.objects.count() == 1


def test_an_execution_that_exists_is_found_whatever_version_was_asked_for(
    aws: StepFunctions, settings: Any
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:live"
    order = start({"order_id": "7"})
    aws.answers = [(EXISTS, "")]
    aws.existing = (OK, Execution(ARN, "succeeded", bytes(order.input_sha256), f"{MACHINE}:2"))

    assert deliver().execution_arn == ARN
