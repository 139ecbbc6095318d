"""Reading an execution for its page: bounded, without a token, one reader at a time, and never by a request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings

from approvals import tasks
from approvals.gateways import dynamodb, histories
from approvals.gateways.errors import Answer, Proof
from approvals.models import ExecutionHistory, OrderExecution, RateBucket, Workflow
from approvals.reconciliation.execution_history import MOST_KEPT, PAGES_AT_ONCE, read
from approvals.records import database_time, execution_history
from approvals.web.execution_view import view_of
from approvals.worker import periodic
from approvals.workflows.graphs import stored_drawing
from tests.fake_aws import FakeAws

pytestmark = pytest.mark.django_db
ID = "order-7"


@pytest.fixture
def order(aws: FakeAws, machine: str) -> OrderExecution:
    """An order whose execution waits for a review."""
    arn = aws.start(machine, ID, {"order_id": "7", "secret": "of the customer"})
    return OrderExecution.objects.create(
        state_machine_arn=machine,
        order_id="7",
        name=ID,
        input='{"order_id": "7"}',
        input_sha256=b"x",
        execution_arn=arn,
        status="running",
    )


def kept() -> ExecutionHistory:
    return ExecutionHistory.objects.select_related("workflow").get()


def age() -> None:
    """Let the stored history be older than fresh: by moving the row."""
    ExecutionHistory.objects.update(read_at=F("read_at") - timedelta(minutes=1), taken_until=None)


def calls(aws: FakeAws, op: str) -> int:
    return sum(line["op"] == op for line in aws.log.calls())


def test_an_execution_is_kept_as_a_page_shows_it(aws: FakeAws, order: OrderExecution) -> None:
    tasks.read_execution(str(order.pk))

    history = kept()
    assert (history.status, history.redrives, history.trouble) == ("running", 0, "")
    assert [event["kind"] for event in history.events] == [
        "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted",
    ]  # fmt: skip
    assert history.events[1]["state"] == "ManualReview"
    assert [event["previous"] for event in history.events[2:]] == [2, 3, 4]
    assert history.workflow is not None
    assert history.workflow.document["StartAt"] == "ManualReview"
    assert history.status_row is None


def test_no_token_no_input_and_no_output_is_kept(aws: FakeAws, order: OrderExecution) -> None:
    token = aws.tasks(order.execution_arn)[0]["token"]
    aws.answer(token, error="Broken", cause=f'{{"taskToken": "{token}", "why": "it {token}"}}')

    read(order.pk)

    everything = serializers.serialize("json", ExecutionHistory.objects.all())
    assert "Broken" in everything
    assert token not in everything
    assert "of the customer" not in everything
    assert json.loads(everything)[0]["fields"]["events"][-1]["cause"].count("[task token]") == 2


def test_what_is_known_is_not_read_again(aws: FakeAws, order: OrderExecution) -> None:
    read(order.pk)
    aws.pad(order.execution_arn, 2_400)
    age()

    read(order.pk)

    numbers = [event["id"] for event in kept().events]
    assert numbers == list(range(1, 2_406))
    assert calls(aws, "GetExecutionHistory") == 1 + 3
    assert calls(aws, "DescribeStateMachineForExecution") == 1
    age()
    read(order.pk)
    assert calls(aws, "GetExecutionHistory") == 5


def test_of_a_very_long_history_the_end_is_kept(aws: FakeAws, order: OrderExecution) -> None:
    aws.pad(order.execution_arn, 7_000)

    read(order.pk)

    history = kept()
    assert (len(history.events), history.cut) == (MOST_KEPT, True)
    assert history.events[-1]["id"] == 7_005
    assert calls(aws, "GetExecutionHistory") == PAGES_AT_ONCE


def test_what_is_fresh_is_not_read_unless_somebody_asks(
    aws: FakeAws, order: OrderExecution
) -> None:
    assert read(order.pk)
    assert not read(order.pk)

    execution_history.request(order)
    assert periodic.read_executions() == 1
    assert periodic.read_executions() == 0
    assert calls(aws, "DescribeExecution") == 2


def test_two_readers_never_read_at_once(aws: FakeAws, order: OrderExecution) -> None:
    assert execution_history.take(order.execution_arn) is not None

    assert not read(order.pk)
    assert calls(aws, "DescribeExecution") == 0


def test_an_execution_that_is_gone_or_hidden_says_so_and_rests(
    aws: FakeAws, order: OrderExecution
) -> None:
    aws.hide_history(order.execution_arn)
    assert not read(order.pk)
    assert kept().trouble == "AccessDeniedException"
    assert not read(order.pk)
    assert calls(aws, "GetExecutionHistory") == 1

    aws.forget(order.execution_arn)
    age()
    assert not read(order.pk)
    assert kept().trouble == "ExecutionDoesNotExist"
    age()
    assert not execution_history.is_wanted(order, kept(), database_time.now())


def test_pages_have_a_rate_limit_of_their_own(aws: FakeAws, order: OrderExecution) -> None:
    RateBucket.objects.create(name="readings:eu-west-1", left=0, filled_at=Now())

    assert not read(order.pk)

    assert kept().trouble == "OurOwnLimit"
    assert calls(aws, "DescribeExecution") == 0


def test_a_reading_that_has_not_enough_calls_left_makes_none_and_is_repeated_soon(
    aws: FakeAws, order: OrderExecution
) -> None:
    not_enough = RateBucket(name="readings:eu-west-1", left=2, filled_at=Now())
    RateBucket.objects.bulk_create([not_enough])

    assert not read(order.pk)

    history = kept()
    assert history.trouble == "OurOwnLimit"
    assert calls(aws, "DescribeExecution") == 0
    assert history.taken_until is not None
    assert history.taken_until < database_time.now() + timedelta(seconds=6)


def test_the_graph_is_shown_though_the_history_could_not_be_read(
    aws: FakeAws, order: OrderExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Answer(Proof.THROTTLED, "ThrottlingException")
    monkeypatch.setattr(histories, "read", lambda *_, **__: (refused, None))

    assert not read(order.pk)

    history = kept()
    assert (history.trouble, history.events) == ("ThrottlingException", [])
    assert view_of(order, history).drawing is not None


def test_a_problem_without_a_workflow_leaves_the_one_that_another_worker_has_stored(
    aws: FakeAws, order: OrderExecution
) -> None:
    late = execution_history.take(order.execution_arn)  # a worker that hangs for over 30 s
    assert late is not None
    ExecutionHistory.objects.update(taken_until=None)
    assert read(order.pk)

    execution_history.store_problem(late, "ThrottlingException")

    assert kept().workflow is not None


def test_an_order_without_an_execution_is_not_read(aws: FakeAws, order: OrderExecution) -> None:
    OrderExecution.objects.update(execution_arn="")

    assert not read(order.pk)
    assert not ExecutionHistory.objects.exists()


def test_a_definition_is_kept_once_a_revision(
    aws: FakeAws, order: OrderExecution, machine: str
) -> None:
    read(order.pk)
    aws.machine(revision="r-2", definition={"StartAt": "New", "States": {"New": {}}})
    other = aws.start(machine, "order-8", {})
    OrderExecution.objects.create(
        state_machine_arn=machine, order_id="8", name="order-8", input="{}",
        input_sha256=b"x", execution_arn=other, status="running",
    )  # fmt: skip

    for row in OrderExecution.objects.all():
        age()
        read(row.pk)

    assert sorted(Workflow.objects.values_list("revision", flat=True)) == ["", "r-2"]
    drawn = Workflow.objects.get(revision="r-2").drawing
    assert drawn["names"] == ["New"]
    assert drawn["drawing"]["width"] > 0
    assert kept_of(order).workflow.document["StartAt"] == "ManualReview"


def kept_of(order: OrderExecution) -> Any:
    return ExecutionHistory.objects.select_related("workflow").get(pk=order.execution_arn)


def test_the_orders_row_of_the_status_table_is_kept_as_texts(
    aws: FakeAws, order: OrderExecution, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ORDER_STATUS_TABLE = "order-status"
    asked: list[Any] = []

    def get_item(*about: Any) -> Any:
        asked.append(about)
        row = {"status": "PROCESSING", "rounds": 2, "blob": b"x", "tags": ["a"]}
        return Answer(Proof.ACCEPTED), row

    monkeypatch.setattr(dynamodb, "get_item", get_item)
    read(order.pk)

    assert kept().status_row == {"status": "PROCESSING", "rounds": "2"}
    assert asked[0][1:] == ("order-status", {"order_id": "7"})


def test_a_status_table_that_cannot_be_read_hides_nothing_else(
    aws: FakeAws, order: OrderExecution, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ORDER_STATUS_TABLE = "order-status"
    denied = Answer(Proof.ACCESS_DENIED, "AccessDeniedException")
    monkeypatch.setattr(dynamodb, "get_item", lambda *_: (denied, None))

    assert read(order.pk)
    assert (kept().status_row, len(kept().events)) == (None, 5)


@pytest.mark.parametrize(
    "definition", ["no JSON", "[1", '{"States": {"A\\u0000\\ud800": {}}}', "{}"]
)
def test_what_an_earlier_release_has_stored_is_drawn_later_and_once(definition: str) -> None:
    row = Workflow.objects.create(digest=b"1", definition=definition)
    old = Workflow.objects.create(digest=b"2", definition="{}", drawing={"format": 0})

    assert periodic.draw_workflows() == 2
    assert periodic.draw_workflows() == 0

    for each in (row, old):
        each.refresh_from_db()
        assert each.drawing["format"] == stored_drawing.FORMAT


def test_a_definition_that_cannot_be_drawn_leaves_its_page_the_steps(
    order: OrderExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_document: object) -> None:
        raise RecursionError

    monkeypatch.setattr(stored_drawing, "made", broken)

    assert read(order.pk)

    assert len(kept().events) == 5
    assert kept().workflow is not None
    assert kept().workflow.drawing is None
