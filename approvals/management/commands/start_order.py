"""`start_order`: store an order, start its execution, and print the execution's ARN alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from approvals.delivery import lanes
from approvals.management.command import FINDING, Error, ReviewCommand
from approvals.models import OrderExecution, OutboxEntry
from approvals.models.choices import Surface
from approvals.orchestration import fulfillment


class Command(ReviewCommand):
    """Start the order workflow for one order; the same order again prints the same ARN."""

    help = "Start the order workflow for the order in FILE (JSON; - is standard input)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("file", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the order, then make the first attempt here; the sweeper makes the others."""
        order, _ = fulfillment.start_order_fulfillment(
            _read(options["file"]), by=None, surface=Surface.COMMAND
        )
        entry = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.START, subject=order.pk).first()
        if entry and lanes.deliver(entry.pk):
            order.refresh_from_db()
        else:  # a worker that got the hint is at it, or the batch that has this order
            fulfillment.await_start(order)
        if order.status == OrderExecution.Status.REFUSED:
            raise Error(order.refusal)
        if order.status == OrderExecution.Status.SETTLED:
            self.stderr.write("settled in its batch: it has no execution of its own")
            sys.exit(FINDING)
        if not order.execution_arn:
            self.stderr.write("stored, will be started")
            sys.exit(FINDING)
        self.stdout.write(order.execution_arn)


def _read(name: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        order = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise Error(f"{name} cannot be read as JSON: {error}") from error
    if not isinstance(order, dict):
        raise Error(f"{name} holds no JSON object; an order is one.")
    return order
