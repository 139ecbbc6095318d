"""Reads executions for the Orders pages: the status, the events of the history, and the definition.

Of a history only what a page shows is stored: no token, no input, no output. Pages are read newest
first, down to the events that are stored already, so that an update costs few calls and never more
than five.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q

from approvals import arns
from approvals.arns import Place
from approvals.exceptions import Throttled
from approvals.gateways import dynamodb, histories, stepfunctions
from approvals.gateways.histories import Event
from approvals.models import ExecutionHistory, OrderExecution, Workflow
from approvals.records import execution_history, failing_rows, rate_limits
from approvals.untrusted import lenient_json, redaction
from approvals.workflows.graphs import stored_drawing

log = structlog.get_logger(__name__)

TASK, DRAWINGS = "histories", "drawings"
CALLS_A_MINUTE = 120  # in a region, beside the other rate limits of reconciliation
PAGES_AT_ONCE = 5
MOST_KEPT = 5_000  # events; AWS ends an execution at 25,000
LONGEST_TEXT = 500  # characters of a cause, and of an attribute of the status row
MOST_ATTRIBUTES = 20


class Unread(Exception):
    """AWS, or our own rate limit, does not let us read now; the message is the error code."""


def read(order_id: UUID) -> bool:
    """Read the execution of an order and store it; False if it is fresh, being read, or cannot be read."""
    order = OrderExecution.objects.defer("input").filter(pk=order_id).first()
    return order is not None and _read(order)


def read_asked(*, limit: int) -> int:
    """Read the requested executions whose wake-up was lost; returns how many were read."""
    arns = execution_history.requested(limit=limit, but=failing_rows.paused(TASK))
    return sum(bool(failing_rows.attempt(TASK, arn, _read_requested)) for arn in arns)


def _read_requested(arn: str) -> bool:
    order = OrderExecution.objects.defer("input").filter(execution_arn=arn).first()
    return order is not None and _read(order)


def _read(order: OrderExecution) -> bool:
    history = execution_history.take(order.execution_arn) if order.execution_arn else None
    if history is None:
        return False
    place = arns.place_of(order.execution_arn)
    try:
        _fill(history, place)
        history.status_row = _status_row(place, order.order_id)
    except Unread as failure:
        execution_history.store_problem(history, str(failure))
        log.info("execution.unread", order=order.order_id, code=str(failure))
        return False
    execution_history.store(history)
    return True


def _fill(history: ExecutionHistory, place: Place) -> None:
    arn = history.execution_arn
    # All calls that it needs, or none: at the limit readings would take each other's, and none would be whole.
    _spend(place, 2 if history.workflow else 3)
    answer, seen = stepfunctions.describe_execution(place, arn)
    if seen is None:
        raise Unread(answer.code)
    history.status, history.redrives = seen.status, seen.redrives
    if history.workflow is None:
        history.workflow = _workflow(place, arn)
    known: list[dict[str, Any]] = history.events
    newer, whole = _newer(place, arn, known[-1]["id"] if known else 0)
    events = (known if whole else []) + newer
    history.cut = history.cut or not whole or len(events) > MOST_KEPT
    history.events = events[-MOST_KEPT:]


def _newer(place: Place, arn: str, known: int) -> tuple[list[dict[str, Any]], bool]:
    """The events after `known` in their order, and whether none of them is missing."""
    found: list[dict[str, Any]] = []
    cursor = None
    for number in range(PAGES_AT_ONCE):
        if number:
            _spend(place, 1)
        answer, page = histories.read(place, arn, cursor, with_data=False)
        if page is None:
            raise Unread(answer.code)
        fresh = [_shown(event) for event in page.events if event.number > known]
        found += fresh
        cursor = page.older
        if len(fresh) < len(page.events) or cursor is None:
            return found[::-1], True
    return found[::-1], False


def _shown(event: Event) -> dict[str, Any]:
    """The fields of an event that a page may show: names, times and errors; never an input or an output."""
    shown: dict[str, Any] = {
        "id": event.number,
        "previous": event.previous,
        "kind": event.kind,
        "at": event.at.isoformat(),
    }
    known = {"state": event.details.get("name"), "error": event.details.get("error")}
    shown |= {name: str(value)[:256] for name, value in known.items() if value}
    if cause := event.details.get("cause"):
        shown["cause"] = _text(cause)
    return shown


def _text(text: object) -> str:
    return redaction.redact_text(str(text).replace("\0", ""))[:LONGEST_TEXT]


def _workflow(place: Place, arn: str) -> Workflow | None:
    """The definition of an execution, stored once a revision; None, and no graph, if it cannot be read."""
    answer, found = stepfunctions.definition_of(place, arn)
    if found is None:
        log.info("execution.no_definition", execution=arn, code=answer.code)
        return None
    row, _ = Workflow.objects.get_or_create(
        state_machine_arn=found.state_machine_arn,
        revision=found.revision[:100],
        digest=hashlib.sha256(found.text.encode()).digest(),
        defaults={"definition": found.text.replace("\0", "")},
    )
    if row.drawing is None:  # without it the page shows the steps
        failing_rows.attempt(DRAWINGS, row.pk, _draw_one)
    return row


def draw_undrawn(*, limit: int) -> int:
    """Draw definitions that an earlier release has stored, or drawn otherwise; returns how many."""
    drawn = Q(drawing__format=stored_drawing.FORMAT)
    able = Workflow.objects.exclude(drawn).exclude(pk__in=failing_rows.paused(DRAWINGS))
    ids = list(able.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(bool(failing_rows.attempt(DRAWINGS, pk, _draw_one)) for pk in ids)


def _draw_one(workflow_id: UUID) -> bool:
    row = Workflow.objects.get(pk=workflow_id)
    row.drawing, _ = lenient_json.storable(stored_drawing.made(row.document))
    row.save(update_fields=["drawing"])
    return True


def _status_row(place: Place, order_id: str) -> dict[str, str] | None:
    """The order's row in the status table, as texts; None if no table is set or it has no row."""
    if not settings.ORDER_STATUS_TABLE:
        return None
    answer, row = dynamodb.get_item(place, settings.ORDER_STATUS_TABLE, {"order_id": order_id})
    if row is None:
        log.info("order.no_status_row", order=order_id, code=answer.code)
        return None
    return dict(list(_texts(row))[:MOST_ATTRIBUTES])


def _texts(row: Mapping[str, Any]) -> Any:
    for name, value in sorted(row.items()):
        if isinstance(value, bool | str | int) or hasattr(value, "as_integer_ratio"):
            yield str(name)[:100], _text(value)


def _spend(place: Place, calls: int) -> None:
    try:
        rate_limits.take(f"readings:{place.region}", per_minute=CALLS_A_MINUTE, amount=calls)
    except Throttled:
        raise Unread(execution_history.OUR_OWN_LIMIT) from None
