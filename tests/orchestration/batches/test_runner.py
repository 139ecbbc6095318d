"""Batches of orders: every row has exactly one end, whoever dies, whatever Step Functions says."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from approvals import arns
from approvals.actions import batch_executions, interventions, people, redelivery
from approvals.actions import batches as verbs
from approvals.actions.batches import Chunk, LeaseLost
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid, NotAllowed, Unavailable
from approvals.gateways import s3, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import (
    AuditEvent,
    BatchExecution,
    ExecutionSnapshot,
    OrderBatch,
    OrderExecution,
    OutboxEntry,
    User,
)
from approvals.orchestration import fulfillment
from approvals.orchestration.batches import parsers, progress, runner, sources
from approvals.orchestration.batches.runner import BatchOptions, Runner
from approvals.reconciliation import executions
from approvals.reconciliation.batch_executions import read_end, release_refused
from approvals.records import audit, execution_snapshots, order_batches, order_validation
from approvals.untrusted import json_stream
from approvals.worker import periodic
from tests.factories import actor

pytestmark = pytest.mark.django_db
REGION = "arn:aws:states:us-east-1:123456789012"
MACHINE, BATCH = f"{REGION}:stateMachine:orders", f"{REGION}:stateMachine:order-batch"


class StepFunctions:
    """Takes every start, and says which."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, str]] = []
        self.answer = Answer(Proof.ACCEPTED)

    def start(self, machine: str, name: str, text: str) -> tuple[Answer, str]:
        self.started.append((machine, name, text))
        taken = self.answer.proof == Proof.ACCEPTED
        return self.answer, arns.execution_arn(machine, name) if taken else ""


@pytest.fixture(autouse=True)
def aws(settings: Any, monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    """The machines are configured, and Step Functions answers at once."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    settings.ORDER_BATCH_STATE_MACHINE_ARN = BATCH
    made = StepFunctions()
    monkeypatch.setattr(stepfunctions, "start_execution", made.start)
    return made


def accepted(rows: list[Any], mode: str = "executions", **wish: Any) -> OrderBatch:
    """A batch of these rows, a line each; texts stand as they are."""
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    body = "[" + ",\n".join(texts) + "]"
    return runner.accept(
        sources.of_body(body), BatchOptions(mode, **wish), body=body, by=COMMAND_LINE
    )


def read(batch: OrderBatch) -> OrderBatch:
    """Read it to its end."""
    reader = Runner(batch.pk)
    while reader.turn():
        pass
    reader.close()
    batch.refresh_from_db()
    return batch


def order(number: int, **more: Any) -> dict[str, Any]:
    return {"order_id": f"A-{number}", "total": number, **more}


def sums(batch: OrderBatch) -> dict[str, int]:
    """What its rows have come to, the zeros left out."""
    batch.refresh_from_db()
    totals = progress.totals(batch, progress.by_status(batch))
    assert totals["read"] == sum(count for name, count in totals.items() if name != "read")
    return {name: count for name, count in totals.items() if count}


def output(settled: list[int], **started: str) -> str:
    """The output of an execution that carried orders: held items by their number, as `_3=arn`."""
    held = [{"item": int(name[1:]), "error": "FraudSuspected"} for name in started]
    arns = [{"arn": arn or None} for arn in started.values()]
    return json.dumps({"settled": settled, "held": held, "started": arns})


def ended(execution: BatchExecution, text: str, status: str = "succeeded") -> bool:
    """Let reconciliation read what an execution came to."""
    return read_end(Execution(execution.execution_arn, status, b"", output=text))


# --- one execution an order


def test_an_alias_is_no_other_machine_so_a_known_order_is_known(
    aws: StepFunctions, settings: Any
) -> None:
    fulfillment.start_order_fulfillment(order(1), by=COMMAND_LINE)
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = f"{MACHINE}:live"

    batch = read(accepted([order(1), order(2)]))
    lanes.drain("executions")

    assert (batch.accepted, batch.known) == (1, 1)
    assert [(machine, name) for machine, name, _ in aws.started] == [
        (MACHINE, "order-A-1"),
        (f"{MACHINE}:live", "order-A-2"),
    ]


def test_each_order_becomes_one_execution_and_each_bad_row_a_reason(aws: StepFunctions) -> None:
    fulfillment.start_order_fulfillment(order(1), by=COMMAND_LINE)
    fulfillment.start_order_fulfillment(order(2), by=COMMAND_LINE)
    rows = [order(1), order(2, total=9), order(3), "NaN", {"total": 1}, order(3), order(4)]

    batch = read(accepted(rows))
    lanes.drain("executions")
    verbs.finish(batch.pk)

    assert sums(batch) == {"read": 7, "executions": 2, "refused": 3, "known": 2}
    assert [(row.line, row.code) for row in batch.refusals.order_by("item")] == [
        (2, "order_conflict"),
        (4, "not_json"),
        (5, "invalid"),
    ]
    assert sorted(name for _, name, _ in aws.started) == [f"order-A-{n}" for n in (1, 2, 3, 4)]
    assert batch.status == "finished"
    assert batch.body == ""
    assert audit.verify(audit.chain_of("batch", batch.pk)) == []
    for row in batch.orders.all():
        assert audit.verify(audit.chain_of("order", row.pk)) == []


def test_an_order_of_a_batch_is_the_one_that_would_have_come_alone() -> None:
    batch = read(accepted([order(1, name="é", nested={"b": 1, "a": 2})]))

    same, created = fulfillment.start_order_fulfillment(
        order(1, nested={"a": 2, "b": 1}, name="é"), by=COMMAND_LINE
    )
    assert not created
    assert same == batch.orders.get()


def test_a_bad_row_stops_a_batch_that_was_asked_to_and_it_can_go_on() -> None:
    batch = read(accepted([order(1), "bad", order(2), "bad too", order(3)], on_bad_row="stop"))
    assert (batch.status, batch.position, batch.orders.count()) == ("stopped", 2, 1)
    assert batch.trouble.startswith("Line 2: ")
    assert read(batch).position == 2

    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)
    read(batch)

    assert (batch.status, batch.position) == ("read", 5)
    assert sums(batch) == {"read": 5, "under_way": 3, "refused": 2}


def test_an_array_that_breaks_off_stops_a_batch_however_it_was_asked() -> None:
    body = '[{"order_id": "A-1"},\n{"order_id": "A-2"'
    wish = BatchOptions("executions")
    batch = runner.accept(sources.of_body(body), wish, body=body, by=COMMAND_LINE)

    assert read(batch).trouble == "Line 2: The array breaks off: its last bracket is missing."
    assert sums(batch) == {"read": 2, "under_way": 1, "refused": 1}


def test_many_rows_are_read_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 3)
    batch = accepted([order(n) for n in range(7)])
    reader = Runner(batch.pk)
    seen = []

    while reader.turn():
        batch.refresh_from_db()
        seen.append(batch.position)

    assert seen == [3, 6, 7]


def test_whoever_is_late_writes_nothing_and_the_next_one_reads_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 2)
    batch = accepted([order(n) for n in range(5)])
    slow = Runner(batch.pk)
    slow.turn()
    assert Runner(batch.pk).turn() is False  # the lease is the slow one's

    assert Runner(batch.pk, seize=True).turn() is True
    assert slow.turn() is False
    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_orderbatch SET lease_until = now()")
    read(batch)

    assert sums(batch) == {"read": 5, "under_way": 5}
    assert OutboxEntry.objects.count() == 5


def test_a_turn_is_written_once_or_not_at_all() -> None:
    batch = accepted([order(1)])
    turn = verbs.take(batch.pk)
    item = order_batches.Item(1, 1, "A-1", "order-A-1", '{"order_id":"A-1"}')
    verbs.record(turn, Chunk(items=[item]))

    with pytest.raises(LeaseLost):
        verbs.record(turn, Chunk(items=[item]))

    assert sums(batch) == {"read": 1, "under_way": 1}


def test_no_more_is_read_while_too_many_starts_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ROWS_A_TURN", 2)
    monkeypatch.setattr(runner, "MOST_WAITING", 2)
    batch = accepted([order(n) for n in range(6)])
    reader = Runner(batch.pk)
    assert [reader.turn(), reader.turn(), reader.turn()] == [True, True, False]

    lanes.drain("executions")

    assert reader.turn() is True


def test_a_batch_needs_the_right_to_orders_and_its_machines(settings: Any, alice: User) -> None:
    body = "[]"
    with pytest.raises(NotAllowed):
        runner.accept(
            sources.of_body(body), BatchOptions("executions"), body=body, by=actor(alice, "api")
        )
    settings.ORDER_BATCH_STATE_MACHINE_ARN = ""
    with pytest.raises(Unavailable, match="ORDER_BATCH_STATE_MACHINE_ARN"):
        accepted([order(1)], "batches")
    with pytest.raises(Unavailable, match="ORDER_BUCKETS"):
        accepted([order(1)], "map")
    with pytest.raises(Invalid, match="1 to 250"):
        accepted([order(1)], size=251)


def test_a_file_of_another_machine_is_left_to_whoever_has_it(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"order_id": "A-1"}\n')
    batch = runner.accept(sources.of_file(path), BatchOptions("executions"), by=COMMAND_LINE)

    runner.Scheduler().turn()
    batch.refresh_from_db()
    assert batch.position == 0

    while Runner(batch.pk, path, seize=True).turn():
        pass
    assert sums(batch) == {"read": 1, "under_way": 1}


# --- many orders an execution


def test_a_hundred_orders_become_one_execution_that_holds_each_ones_own_input(
    aws: StepFunctions,
) -> None:
    batch = read(accepted([order(n, note="é") for n in range(7)], "batches", size=3))
    lanes.drain("executions")

    assert [name.rpartition("-")[2] for _, name, _ in aws.started] == ["1", "2", "3"]
    assert {machine for machine, _, _ in aws.started} == {BATCH}
    carried = [json.loads(text)["orders"] for _, _, text in aws.started]
    assert [len(orders) for orders in carried] == [3, 3, 1]
    assert [one["item"] for orders in carried for one in orders] == [1, 2, 3, 4, 5, 6, 7]
    alone = order_validation.parse(order(0, note="é"))[1]
    assert carried[0][0] == {"item": 1, "name": "order-A-0", "input": alone}
    assert sums(batch) == {"read": 7, "under_way": 7}


def test_a_chunk_shrinks_to_what_an_execution_holds_and_a_giant_goes_alone(
    aws: StepFunctions,
) -> None:
    rows = [order(n, note="x" * 70_000) for n in range(4)] + [order(9, note="x" * 200_000)]
    read(accepted(rows, "batches"))
    lanes.drain("executions")

    sizes = [len(text) for machine, _, text in aws.started if machine == BATCH]
    assert max(sizes) < runner.MOST_BYTES
    assert len(sizes) == 2
    assert [name for machine, name, _ in aws.started if machine == MACHINE] == ["order-A-9"]


def test_what_an_execution_tells_is_each_orders_end_and_the_rest_gets_its_own(
    aws: StepFunctions,
) -> None:
    batch = read(accepted([order(n) for n in range(1, 6)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    arn = arns.execution_arn(MACHINE, "order-A-3")

    assert ended(execution, output([1, 2], _3=arn, _4=""))  # nothing is known of the fifth
    assert sums(batch) == {"read": 5, "settled": 2, "executions": 1, "under_way": 2}
    assert not verbs.finish(batch.pk)
    lanes.drain("executions")

    assert verbs.finish(batch.pk)
    assert sums(batch) == {"read": 5, "settled": 2, "executions": 3}
    assert {name for _, name, _ in aws.started[1:]} == {"order-A-4", "order-A-5"}
    assert batch.orders.get(order_id="A-3").execution_arn == arn
    for row in batch.orders.all():
        assert audit.verify(audit.chain_of("order", row.pk)) == []
    kinds = AuditEvent.objects.filter(kind__in=["order.settled", "order.released"])
    assert kinds.count() == 4


def test_an_end_is_read_once_however_often_it_is_reported() -> None:
    read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    text = output([1], _2=arns.execution_arn(MACHINE, "order-A-2"))
    ended(execution, text)
    before = AuditEvent.objects.count()

    ended(execution, text)
    batch_executions.record_outcomes(execution.pk, [batch_executions.Outcome(2)])

    assert AuditEvent.objects.count() == before
    assert OrderExecution.objects.get(order_id="A-2").status == "running"


@pytest.mark.parametrize(
    ("status", "text"),
    [("failed", ""), ("timed_out", ""), ("succeeded", "no JSON"), ("succeeded", '{"settled": 1}')],
)
def test_an_execution_that_tells_nothing_gives_every_order_its_own(
    aws: StepFunctions, status: str, text: str
) -> None:
    batch = read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")

    assert ended(BatchExecution.objects.get(), text, status)
    lanes.drain("executions")

    assert verbs.finish(batch.pk)
    assert sums(batch) == {"read": 2, "executions": 2}


def test_what_step_functions_refuses_to_carry_is_started_one_by_one(aws: StepFunctions) -> None:
    batch = read(accepted([order(1), order(2)], "batches"))
    aws.answer = Answer(Proof.REFUSED, "InvalidExecutionInput")
    lanes.drain("executions")
    aws.answer = Answer(Proof.ACCEPTED)

    assert release_refused(limit=9) == 1
    lanes.drain("executions")

    assert verbs.finish(batch.pk)
    assert sums(batch) == {"read": 2, "executions": 2}


def test_what_was_refused_to_be_carried_is_not_sent_again(aws: StepFunctions, alice: User) -> None:
    people.grant_site(alice, "operator", by=COMMAND_LINE)
    read(accepted([order(1)], "batches"))
    aws.answer = Answer(Proof.REFUSED, "InvalidExecutionInput")
    lanes.drain("executions")

    with pytest.raises(Invalid, match="an execution of its own"):
        redelivery.requeue(OutboxEntry.objects.get().pk, by=actor(alice, "admin"))


def test_a_carrier_whose_start_was_lost_is_found_by_its_input(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(accepted([order(1)], "batches"))
    execution = BatchExecution.objects.get()
    arn = arns.execution_arn(BATCH, execution.name)
    aws.answer = Answer(Proof.CONFLICT, "ExecutionAlreadyExists")
    found = Execution(arn, "succeeded", bytes(execution.input_sha256))
    describe = lambda *_: (Answer(Proof.ACCEPTED), found)  # noqa: E731
    monkeypatch.setattr(stepfunctions, "describe_execution", describe)

    lanes.drain("executions")

    execution.refresh_from_db()
    assert (execution.execution_arn, execution.status) == (arn, "running")  # its output is unread


def test_orders_that_came_before_start_nothing(aws: StepFunctions) -> None:
    read(accepted([order(1), order(2)], "batches"))
    again = read(accepted([order(1), order(2)], "batches"))

    assert sums(again) == {"read": 2, "known": 2}
    assert verbs.finish(again.pk)
    assert BatchExecution.objects.count() == 1


def test_sources_that_stay_away_keep_no_other_batch_waiting(
    aws: StepFunctions, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise Unavailable("S3 does not answer.")

    monkeypatch.setattr(s3, "look", away)
    monkeypatch.setattr(runner, "AT_ONCE", 3)
    for number in range(5):
        source = sources.unseen(f"s3://far/{number}.json")
        runner.accept(source, BatchOptions("executions"), by=COMMAND_LINE)
    good, scheduler = accepted([order(1)]), runner.Scheduler()

    scheduler.turn()
    scheduler.turn()

    good.refresh_from_db()
    assert good.position == 1


def test_a_lease_is_kept_while_rows_that_were_read_are_skipped(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = accepted([order(number) for number in range(1_200)])
    Runner(batch.pk).turn()
    OrderBatch.objects.update(lease_until=None)
    monkeypatch.setattr(parsers, "BLOCK", 512)
    monkeypatch.setattr(json_stream, "BLOCK", 512)
    renewed, renew = [], verbs.renew

    def counting(turn: verbs.Turn) -> None:
        renewed.append(turn)
        renew(turn)

    monkeypatch.setattr(verbs, "LEASE", timedelta(seconds=0.001))
    monkeypatch.setattr(verbs, "renew", counting)

    Runner(batch.pk, seize=True).turn()

    assert len(renewed) > 3


def test_orders_are_not_released_while_a_function_may_still_be_at_them(aws: StepFunctions) -> None:
    batch = read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    now = timezone.now()
    failed = Execution(execution.execution_arn, "failed", b"", stopped_at=now)

    assert not read_end(failed)
    assert sums(batch) == {"read": 2, "under_way": 2}
    assert read_end(replace(failed, stopped_at=now - timedelta(minutes=2)))
    lanes.drain("executions")
    assert sums(batch) == {"read": 2, "executions": 2}


def test_orders_of_an_execution_that_aws_does_not_know_any_more_are_released(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    gone = (Answer(Proof.REFUSED, "ExecutionDoesNotExist"), None)
    monkeypatch.setattr(stepfunctions, "describe_execution", lambda *_: gone)

    look(execution.execution_arn)
    assert sums(batch) == {"read": 1, "under_way": 1}  # DescribeExecution may lag

    BatchExecution.objects.update(started_at=F("started_at") - timedelta(hours=1))
    look(execution.execution_arn)
    lanes.drain("executions")
    assert sums(batch) == {"read": 1, "executions": 1}


def test_a_released_order_is_stopped_where_it_may_run_already(aws: StepFunctions) -> None:
    read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    assert ended(BatchExecution.objects.get(), "{}", "failed")

    row = interventions.stop("A-1", "Cancelled.", by=COMMAND_LINE)

    # Its start goes on, and finds what the batch execution may have started.
    assert row.status == "pending"
    assert OutboxEntry.objects.get(kind="start", subject=row.pk).state == "waiting"
    assert OutboxEntry.objects.filter(kind="stop").exists()


def look(arn: str) -> None:
    """Ask about an execution as the sweeper would, now."""
    execution_snapshots.hurry(arn)
    executions.inquire(arn)


# --- a Distributed Map


def mapped(monkeypatch: pytest.MonkeyPatch, settings: Any, files: dict[str, bytes]) -> OrderBatch:
    """A batch whose map has started, and a bucket of these files; what is written there joins them."""

    @contextmanager
    def opened(_place: Any, _bucket: str, key: str, _version: str = "") -> Iterator[io.BytesIO]:
        if key not in files:
            raise Unavailable
        yield io.BytesIO(files[key])

    def write(_place: Any, _bucket: str, key: str, blocks: Iterator[bytes]) -> str:
        files[key] = b"".join(blocks)
        return "v-1"

    monkeypatch.setattr(s3, "opened", opened)
    monkeypatch.setattr(s3, "write", write)
    settings.DAILY_ORDERS_STATE_MACHINE_ARN = f"{REGION}:stateMachine:daily-orders"
    settings.ORDER_BUCKETS = ["daily-orders"]
    batch = read(accepted([order(n) for n in range(1, 6)] + ["bad"], "map"))
    lanes.drain("executions")
    return batch


MAP_OUTPUT = '{"ResultWriterDetails": {"Bucket": "b", "Key": "r/manifest.json"}}'
MANIFEST = json.dumps(
    {
        "DestinationBucket": "b",
        "ResultFiles": {
            "SUCCEEDED": [{"Key": "r/SUCCEEDED_0.json"}, {"Key": "r/SUCCEEDED_1.json"}],
            "FAILED": [{"Key": "r/FAILED_0.json"}],
        },
    }
).encode()


def test_a_map_reads_what_was_accepted_at_a_pinned_version(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    files: dict[str, bytes] = {}
    batch = mapped(monkeypatch, settings, files)

    (key, written), ((_, name, text),) = files.popitem(), aws.started
    assert [one["item"] for one in json.loads(written)] == [1, 2, 3, 4, 5]
    assert name == f"batch-{batch.pk}-1"
    assert json.loads(text)["source"] == {"bucket": "daily-orders", "key": key, "version": "v-1"}


def test_what_the_children_of_a_map_tell_is_read_from_its_result_files(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    files = {"r/manifest.json": MANIFEST}
    batch = mapped(monkeypatch, settings, files)
    execution, arn = BatchExecution.objects.get(), arns.execution_arn(MACHINE, "order-A-3")
    files["r/SUCCEEDED_0.json"] = json.dumps([{"Output": output([1]), "Input": "[{}]"}]).encode()
    assert not ended(execution, MAP_OUTPUT)  # the second file is away: asked again
    files["r/SUCCEEDED_1.json"] = json.dumps([{"Output": output([2], _3=arn)}]).encode()

    assert ended(execution, MAP_OUTPUT)

    totals = {"read": 6, "settled": 2, "executions": 1, "under_way": 2, "refused": 1}
    assert sums(batch) == totals
    lanes.drain("executions")
    assert verbs.finish(batch.pk)
    assert batch.orders.exclude(status="settled").exclude(execution_arn="").count() == 3


def test_a_map_that_is_stopped_on_carries_what_was_read_and_another_what_follows(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    mapped(monkeypatch, settings, {})
    rows = [order(11), order(12), "bad", order(13)]
    batch = read(accepted(rows, "map", on_bad_row="stop"))
    assert (batch.status, batch.carriers) == ("stopped", 1)
    assert runner.Scheduler().turn() == 0

    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)
    read(batch)
    lanes.drain("executions")

    assert list(batch.executions.order_by("number").values_list("orders", flat=True)) == [2, 1]
    assert [name for _, name, _ in aws.started[1:]] == [f"batch-{batch.pk}-{n}" for n in (1, 2)]
    keys = {json.loads(text)["source"]["key"] for _, _, text in aws.started[1:]}
    assert len(keys) == 2


def test_a_bucket_without_versions_is_tried_again_and_stops_no_other_batch(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    mapped(monkeypatch, settings, {})
    monkeypatch.setattr(s3, "write", lambda *_: "")
    stuck, other = accepted([order(21)], "map"), accepted([order(22)])
    scheduler = runner.Scheduler()

    for _ in range(3):
        scheduler.turn()

    assert (sums(stuck), sums(other)) == ({"read": 1, "under_way": 1},) * 2
    monkeypatch.setattr(s3, "write", lambda *_: "v-2")
    monkeypatch.setattr("approvals.orchestration.batches.runner.SOURCE_PAUSE", 0.0)
    runner.Scheduler().turn()
    lanes.drain("executions")
    assert f"batch-{stuck.pk}-1" in {name for _, name, _ in aws.started}


def test_an_execution_that_aws_does_not_know_yet_is_asked_about_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    unknown = Answer(Proof.AMBIGUOUS, "ExecutionDoesNotExist")
    monkeypatch.setattr(stepfunctions, "describe_execution", lambda *_: (unknown, None))
    arn = BatchExecution.objects.get().execution_arn
    ExecutionSnapshot.objects.update(due_at=Now())

    executions.inquire(arn)

    assert ExecutionSnapshot.objects.get(execution_arn=arn).due_at is not None


def test_how_far_a_map_is_shows_before_its_orders_have_an_end(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    batch = mapped(monkeypatch, settings, {})
    monkeypatch.setattr(stepfunctions, "map_run_progress", lambda *_: 4)

    periodic.watch_batch_executions()

    batch.refresh_from_db()
    share, said = progress.progress(batch, progress.by_status(batch))
    assert (share, said) == (0.9, "6 read, 1 refused, 5 under way, 4 done by the map")


def test_a_map_of_no_orders_is_none(
    aws: StepFunctions, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    first = mapped(monkeypatch, settings, {})
    again = read(accepted([order(n) for n in range(1, 6)], "map"))

    assert sums(again) == {"read": 5, "known": 5}
    assert verbs.finish(again.pk)
    assert len(aws.started) == 1
    assert first.executions.count() == 1
