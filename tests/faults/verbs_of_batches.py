"""Rows of the table: batches of orders, and the executions that carry many."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings

from approvals import arns
from approvals.actions import batch_executions, batches
from approvals.actions.batches import Chunk, LeaseLost
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import BatchExecution, OrderBatch, OutboxEntry
from approvals.orchestration.batches import acceptance, progress, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner
from approvals.records import execution_names, idempotency, order_validation
from approvals.records.order_batches import Item
from tests.faults.row import Act, Case, Row, again, recorded_once
from tests.faults.stage import Stage

ROWS_EACH = 3  # of which the second is no order


def _configured(stage: Stage) -> None:
    for name, setting in (
        ("order-batch", "ORDER_BATCH_STATE_MACHINE_ARN"),
        ("daily-orders", "DAILY_ORDERS_STATE_MACHINE_ARN"),
    ):
        if name not in stage.machines:
            stage.machines[name] = stage.aws.machine(name)
        setattr(settings, setting, stage.machines[name])
    settings.ORDER_BUCKETS = ["daily-orders"]


def _body(stage: Stage) -> str:
    first, second = (json.dumps({"order_id": f"B-{stage.number()}"}) for _ in range(2))
    return f"[{first},\nNaN,\n{second}]"


def _accept(case: Case) -> OrderBatch:
    body, mode = case.body, case.mode
    return acceptance.accept(
        sources.of_body(body), BatchOptions(mode), body=body, by=COMMAND_LINE, key=case.key
    )


def _ready_body(stage: Stage) -> Case:
    _configured(stage)
    key = idempotency.Key(
        principal="faults",
        key=f"batch-{stage.number()}",
        request="POST /api/v1/order-batches/",
        body_sha256=b"x",
        status=202,
    )
    return Case(body=_body(stage), mode="executions", key=key)


def _ready(mode: str = "executions", *, on_bad_row: str = "skip") -> Callable[[Stage], Case]:
    """A batch of which nothing is read."""

    def ready(stage: Stage) -> Case:
        _configured(stage)
        body = _body(stage)
        wish = BatchOptions(mode, on_bad_row=on_bad_row)
        batch = acceptance.accept(sources.of_body(body), wish, body=body, by=COMMAND_LINE)
        return Case(batch=batch)

    return ready


def _ready_read(mode: str, **wish: str) -> Callable[[Stage], Case]:
    """A batch that was read; its batch execution, if it has one, waits to be started."""

    def ready(stage: Stage) -> Case:
        case = _ready(mode, **wish)(stage)
        _read(stage, case)
        case.execution = case.batch.executions.first()
        return case

    return ready


def _ready_running(stage: Stage) -> Case:
    """A batch whose batch execution runs."""
    case = _ready_read("batches")(stage)
    stage.settle(case.execution.pk)
    return case


def _ready_map(stage: Stage) -> Case:
    """A batch whose rows are read, and whose map is not handed over: its bucket is not of this world."""
    case = _ready("map")(stage)
    turn = batches.take(case.batch.pk, seize=True)
    assert turn
    items = []
    for number in (1, 2):
        order_id, text = order_validation.parse({"order_id": f"M-{stage.number()}"})
        name = execution_names.of_order(order_id)
        items.append(Item(number, number, order_id, name, text))
    batches.give_back(batches.record(turn, Chunk(items=items, at_end=True)))
    case.execution = case.batch.executions.get()
    return case


# --- what is killed


def _read(_stage: Stage, case: Case) -> None:
    reader = Runner(case.batch.pk, seize=True)
    while reader.turn():
        pass
    reader.close()
    case.batch.refresh_from_db()


def _in_a_turn(act: Callable[[batches.Turn], object]) -> Act:
    def acted(_stage: Stage, case: Case) -> None:
        turn = batches.take(case.batch.pk, seize=True)
        if turn:
            act(turn)

    return acted


def _hand_over(turn: batches.Turn) -> None:
    try:
        batches.hand_over(turn, b'{"source": {}}')
    except LeaseLost:
        return


def _deliver(_stage: Stage, case: Case) -> None:
    lanes.deliver(OutboxEntry.objects.get(kind="start_batch", subject=case.execution.pk).pk)


def _record_outcomes(_stage: Stage, case: Case) -> None:
    items = case.batch.orders.values_list("batch_item", flat=True)
    batch_executions.record_outcomes(
        case.execution.pk, [batch_executions.Outcome(item) for item in items]
    )


def _release(_stage: Stage, case: Case) -> None:
    batch_executions.release(case.execution.pk, {})


def _end(_stage: Stage, case: Case) -> None:
    batch_executions.end(case.execution.pk, "succeeded")


def _ready_recorded(stage: Stage) -> Case:
    case = _ready_running(stage)
    _record_outcomes(stage, case)
    return case


def _ready_started(stage: Stage) -> Case:
    """A batch of which every order has its execution."""
    case = _ready_read("executions")(stage)
    _settle(stage, case)
    return case


def _ready_taken(stage: Stage) -> Case:
    """A batch execution whose name is taken already."""
    case = _ready_read("batches")(stage)
    stage.aws.start(stage.machines["order-batch"], case.execution.name, {"other": "input"})
    return case


# --- how life goes on


def _settle(stage: Stage, case: Case) -> None:
    for pk in case.batch.orders.filter(status="pending").values_list("pk", flat=True):
        stage.settle(pk)


def _go_on(act: Act) -> Act:
    """The same again, then what a sweeper and a finished batch execution cause."""

    def recovered(stage: Stage, case: Case) -> None:
        again(act)(stage, case)
        case.batch.refresh_from_db()
        if case.batch.status == "reading":
            _read(stage, case)
        for execution in BatchExecution.objects.filter(batch=case.batch, learned=False):
            case.execution = execution
            if execution.batch.carriers:
                stage.settle(execution.pk)
            _record_outcomes(stage, case)
            _end(stage, case)
        _settle(stage, case)
        batches.finish(case.batch.pk)

    return recovered


def _released(stage: Stage, case: Case) -> None:
    again(_release)(stage, case)
    _settle(stage, case)
    _end(stage, case)
    batches.finish(case.batch.pk)


# --- what must hold


def _recorded(kind: str) -> Callable[[Stage, Case], str]:
    return lambda _stage, case: recorded_once(f"batch:{case.batch.pk}", kind)


def _recorded_of_execution(kind: str) -> Callable[[Stage, Case], str]:
    return lambda _stage, case: recorded_once(f"batch-execution:{case.execution.pk}", kind)


def _accepted_once(_stage: Stage, case: Case) -> str:
    version = sources.of_body(case.body).version
    made = list(OrderBatch.objects.filter(source_version=version))
    if len(made) != 1:
        return f"I-16 {len(made)} batches"
    return recorded_once(f"batch:{made[0].pk}", "batch.accepted")


def _mended_accept(stage: Stage, case: Case) -> None:
    again(lambda _stage, case: _accept(case))(stage, case)
    batch = OrderBatch.objects.get(source_version=sources.of_body(case.body).version)
    done = Case(batch=batch)
    _go_on(_read)(stage, done)


def _every_row_once(_stage: Stage, case: Case) -> str:
    batch = OrderBatch.objects.get(pk=case.batch.pk)
    found = batch.position, batch.orders.count(), batch.refusals.count(), batch.status
    if found != (ROWS_EACH, ROWS_EACH - 1, 1, "finished"):
        return f"I-16 rows, orders, refusals and status are {found}"
    sums = progress.totals(batch, progress.by_status(batch))
    ends = sum(count for name, count in sums.items() if name != "read")
    return "" if ends == sums["read"] else f"I-16 {sums} do not sum up"


def _own_executions(stage: Stage, case: Case) -> str:
    wanted = {arns.execution_arn(stage.orders, o.name) for o in case.batch.orders.all()}
    found = set(case.batch.orders.values_list("execution_arn", flat=True))
    return "" if found == wanted else f"I-15 {found} instead of {wanted}"


def _resume(_stage: Stage, case: Case) -> None:
    batches.resume(case.batch.pk, on_bad_row="skip", by=COMMAND_LINE)


def _pin(turn: batches.Turn) -> None:
    batches.pin(turn, version="v1", size=9, form="json")


def _note(_stage: Stage, case: Case) -> None:
    batch_executions.note_progress(case.execution.pk, 1)


def _note_problem(_stage: Stage, case: Case) -> None:
    batches.note_problem(case.batch.pk, "S3 refuses its file.")


def _row(name: str, covers: str, ready: Any, act: Act, holds: Any = _every_row_once) -> Row:
    return Row(name, tuple(covers.split()), ready, act, _go_on(act), holds)


ROWS: list[Row] = [
    Row(
        "accept batch", ("batches.accept",), _ready_body, lambda _, case: _accept(case),
        _mended_accept, _accepted_once,
    ),
    _row("read batch", "batches.take batches.record batches.give_back", _ready(), _read),
    _row("read chunks", "batches.record", _ready("batches"), _read),
    _row("renew batch", "batches.renew", _ready(), _in_a_turn(batches.renew)),
    _row("pin batch", "batches.pin", _ready(), _in_a_turn(_pin)),
    _row(
        "resume batch", "batches.resume", _ready_read("executions", on_bad_row="stop"), _resume,
    ),
    _row(
        "finish batch", "batches.finish", _ready_started,
        lambda _, case: batches.finish(case.batch.pk), _recorded("batch.finished"),
    ),
    _row(
        "hand a map over", "batches.hand_over", _ready_map, _in_a_turn(_hand_over),
        _recorded("batch.handed_over"),
    ),
    _row(
        "start batch execution", "", _ready_read("batches"), _deliver,
        _recorded_of_execution("batch.execution_started"),
    ),
    _row("refuse batch execution", "", _ready_taken, _deliver),
    _row("record outcomes", "batch_executions.record_outcomes", _ready_running, _record_outcomes),
    _row("end batch execution", "batch_executions.end", _ready_recorded, _end),
    _row("note progress", "batch_executions.note_progress", _ready_running, _note),
    _row("note problem", "batches.note_problem", _ready_running, _note_problem),
    Row(
        "release orders", ("batch_executions.release",), _ready_running, _release, _released,
        _own_executions,
    ),
]  # fmt: skip
