"""Checks of orders: each is started once, and no execution is redriven more often than requested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from approvals.models import OrderExecution, OrderIntervention
from tests.faults.truth import Breach, Truth


def check(truth: Truth, *, finished: bool) -> Iterator[Breach]:
    """Breaches about executions of orders, and about restarts and stops."""
    yield from _executions(truth, finished=finished)
    yield from _interventions(truth, finished=finished)


def _executions(truth: Truth, *, finished: bool) -> Iterator[Breach]:
    started = Counter(line["execution"] for line in truth.effects("ExecutionStarted"))
    inputs = {line["execution"]: line["input_sha256"] for line in truth.effects("ExecutionStarted")}
    for arn, count in started.items():
        if count > 1:
            yield Breach("I-15", f"{arn} was started {count} times", "doubled")
    without = (OrderExecution.Status.REFUSED, OrderExecution.Status.SETTLED)
    for order in OrderExecution.objects.exclude(status__in=without):
        machine = order.state_machine_arn.replace(":stateMachine:", ":execution:")
        arn = f"{machine}:{order.name}"
        if order.execution_arn and (
            order.execution_arn != arn or inputs.get(arn) != bytes(order.input_sha256).hex()
        ):
            yield Breach("I-15", f"order {order.order_id} names an execution that is not its own")
        if finished:
            yield from _order_ended(order, started[arn])


def _order_ended(order: OrderExecution, started: int) -> Iterator[Breach]:
    if order.was_never_started:
        if started:
            what = f"order {order.order_id} was stopped before its start, and yet started"
            yield Breach("I-15", what, "doubled")
        return
    if not order.execution_arn:
        yield Breach("I-15", f"order {order.order_id} was never known to be started", "lost")
    if not started:
        yield Breach("I-15", f"order {order.order_id} was never started", "lost")


def _interventions(truth: Truth, *, finished: bool) -> Iterator[Breach]:
    """No execution is redriven more often than requested, and redrives recorded as done were done."""
    redriven = Counter(line["execution"] for line in truth.effects("ExecutionRedriven"))
    interventions = OrderIntervention.objects.select_related("order").filter(kind="redrive")
    asked = Counter(intervention.order.execution_arn for intervention in interventions)
    for arn, count in redriven.items():
        if arn in asked and count > asked[arn]:
            yield Breach(
                "I-15", f"{arn} was redriven {count} times, requested {asked[arn]}", "doubled"
            )
    for intervention in interventions.filter(outcome="done"):
        if not redriven[intervention.order.execution_arn]:
            yield Breach(
                "I-15", f"{intervention.order.order_id} is called redriven", "misclassified"
            )
    if finished and (left := OrderIntervention.objects.filter(ended_at=None).count()):
        yield Breach("I-11", f"{left} restarts or stops never came to an end", "lost")
