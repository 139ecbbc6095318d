"""Rows of the table: orders started, restarted and stopped, from the verb to its effect in Step Functions."""

from __future__ import annotations

from collections.abc import Callable

from approvals.actions import interventions, orders
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry
from approvals.orchestration import fulfillment
from approvals.reconciliation import executions
from approvals.records import execution_snapshots
from tests.faults.row import Act, Case, Row, again, recorded_once
from tests.faults.stage import Stage


def _ready(
    error: str = "", *, fault: str = "", of: str = "", forgotten: bool = False, started: bool = True
) -> Callable[[Stage], Case]:
    """An order that runs, or has failed with this error; the next call of `of` goes wrong by a fault."""

    def ready(stage: Stage) -> Case:
        order = {"order_id": f"HAND-{stage.number()}", "total": 7}
        row, _ = fulfillment.start_order_fulfillment(order, by=COMMAND_LINE)
        if not started:
            return Case(id=row.order_id)
        stage.settle(row.pk)
        row.refresh_from_db()
        if error:
            stage.aws.end(row.execution_arn, "FAILED", error=error)
            execution_snapshots.hurry(row.execution_arn)
            executions.inquire(row.execution_arn)
        if forgotten:
            stage.aws.forget(row.execution_arn)
        if fault:
            stage.aws.plan(of, [fault])
        return Case(id=row.order_id, arn=row.execution_arn)

    return ready


def _restart(_stage: Stage, case: Case) -> None:
    order = interventions.restart(case.id, by=COMMAND_LINE)
    _deliver(order)


def _stop(_stage: Stage, case: Case) -> None:
    order = interventions.stop(case.id, "Not wanted.", by=COMMAND_LINE)
    _deliver(order)


def _deliver(order: OrderExecution) -> None:
    """One attempt at whatever was written for this order just now."""
    interventions = OrderIntervention.objects.filter(order=order, ended_at=None)
    subjects = [order.pk, *interventions.values_list("pk", flat=True)]
    for entry in OutboxEntry.objects.filter(subject__in=subjects, state="waiting"):
        lanes.deliver(entry.pk)


def _and_settle(act: Act) -> Act:
    """Ask again after the kill, and sweep until all is delivered."""

    def go_on(stage: Stage, case: Case) -> None:
        again(act)(stage, case)
        for _ in range(2):  # what could not be redriven begins anew
            rows = OrderExecution.objects.filter(order_id=case.id)
            interventions = OrderIntervention.objects.filter(order__in=rows)
            for pk in [
                *interventions.values_list("pk", flat=True),
                *rows.values_list("pk", flat=True),
            ]:
                stage.settle(pk)

    return go_on


def _redriven_once(stage: Stage, case: Case) -> str:
    order = OrderExecution.objects.get(order_id=case.id)
    count = stage.aws.execution(case.arn)["redrive_count"]
    if count != 1 or order.status != "running":
        return f"I-15 redriven {count} times, the order is {order.status}"
    return ""


def _began_anew(stage: Stage, case: Case) -> str:
    rows = list(OrderExecution.objects.attempts_at(case.id))
    started = [
        line
        for line in stage.aws.log.effects("ExecutionStarted")
        if line["execution"].endswith(f":order-{case.id}-r2")
    ]
    if len(rows) != 2 or len(started) != 1 or rows[0].status != "running":
        return f"I-15 {len(rows)} attempts, started {len(started)} times, now {rows[0].status}"
    return ""


def _stopped_once(stage: Stage, case: Case) -> str:
    order = OrderExecution.objects.get(order_id=case.id)
    stops = OrderIntervention.objects.filter(order=order, outcome="done").count()
    status = stage.aws.execution(case.arn)["status"]
    if (order.status, stops, status) != ("aborted", 1, "ABORTED"):
        return f"I-15 stopped: {order.status} here, {status} there, {stops} of our stops"
    return ""


def _never_started(stage: Stage, case: Case) -> str:
    order = OrderExecution.objects.get(order_id=case.id)
    started = [
        line for line in stage.aws.log.effects("ExecutionStarted") if case.id in line["execution"]
    ]
    if started or not order.was_never_started:
        return f"I-15 stopped before its start, started {len(started)} times, {order.status}"
    return ""


OUTAGE = "Lambda.Unknown"


def _ready_order(fault: str = "", taken: bool = False) -> Callable[[Stage], Case]:
    def ready(stage: Stage) -> Case:
        order = {"order_id": f"ORD-{stage.number()}", "total": 12}
        if fault:
            stage.aws.plan("StartExecution", [fault])
        if taken:
            stage.aws.start(stage.orders, f"order-{order['order_id']}", {"other": "input"})
        return Case(order=order)

    return ready


def _start_order(_stage: Stage, case: Case) -> None:
    row, _ = fulfillment.start_order_fulfillment(case.order, by=COMMAND_LINE)
    lanes.deliver(OutboxEntry.objects.get(kind="start", subject=row.pk).pk)


def _start_again(stage: Stage, case: Case) -> None:
    row, _ = fulfillment.start_order_fulfillment(case.order, by=COMMAND_LINE)
    stage.settle(row.pk)


def _started_once(stage: Stage, case: Case) -> str:
    row = OrderExecution.objects.get(order_id=case.order["order_id"])
    started = [
        line
        for line in stage.aws.log.effects("ExecutionStarted")
        if line["execution"].endswith(f":{row.name}")
    ]
    if len(started) != 1 or row.status != "running":
        return f"I-15 started {len(started)} times, the order is {row.status}"
    return ""


def _refused(_stage: Stage, case: Case) -> str:
    row = OrderExecution.objects.get(order_id=case.order["order_id"])
    return "" if row.status == "refused" else f"I-15 a foreign execution, yet {row.status}"


def _ready_running(stage: Stage) -> Case:
    case = _ready_order()(stage)
    _start_again(stage, case)
    case.row = OrderExecution.objects.get(order_id=case.order["order_id"])
    return case


def _record_status(_stage: Stage, case: Case) -> None:
    orders.record_status(case.row.pk, "succeeded")


ROWS: list[Row] = [
    Row(
        "start execution", ("orders.accept",), _ready_order(), _start_order, _start_again,
        _started_once,
    ),
    Row(
        "start, reply lost", ("orders.accept",), _ready_order("lost_after"), _start_order,
        _start_again, _started_once,
    ),
    Row(
        "start, refused", ("orders.accept",), _ready_order(taken=True), _start_order,
        _start_again, _refused,
    ),
    Row(
        "order ended", ("orders.record_status",), _ready_running, _record_status,
        holds=lambda _stage, case: recorded_once(f"order:{case.row.pk}", "order.succeeded"),
    ),
    Row(
        "restart", ("interventions.restart", "interventions.note_redrives"),
        _ready(OUTAGE), _restart, _and_settle(_restart), _redriven_once,
    ),
    Row(
        "restart, reply lost", ("interventions.note_redrives",),
        _ready(OUTAGE, fault="lost_after", of="RedriveExecution"), _restart,
        _and_settle(_restart), _redriven_once,
    ),
    Row(
        "restart anew", ("interventions.restart",), _ready("OrderRejected"), _restart,
        _and_settle(_restart), _began_anew,
    ),
    Row(
        "restart, gone", ("interventions.restart",),
        _ready(OUTAGE, forgotten=True), _restart, _and_settle(_restart), _began_anew,
    ),
    Row(
        "stop", ("interventions.stop",), _ready(), _stop, _and_settle(_stop), _stopped_once
    ),
    Row(
        "stop, reply lost", ("interventions.stop",),
        _ready(fault="lost_after", of="StopExecution"), _stop, _and_settle(_stop), _stopped_once,
    ),
    Row(
        "stop before start", ("interventions.stop",), _ready(started=False), _stop,
        again(_stop), _never_started,
    ),
]  # fmt: skip
