"""`start_order`: store an order, start its execution, and print only the execution's ARN."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.management.command import FINDING, Error, ReviewCommand
from approvals.models import OrderExecution, OutboxEntry
from approvals.orchestration import fulfillment, order_amounts
from approvals.orchestration.batches import encodings
from approvals.orchestration.batches.encodings import NotTextError
from approvals.untrusted.strict_json import Unreadable


class Command(ReviewCommand):
    """Start the order workflow for one order; the same order again prints the same ARN."""

    help = (
        "Start the order workflow for the order in FILE (JSON) and print the execution's ARN alone. Exit"
        " code 3 if the order is stored and not started yet, or was fulfilled by its batch."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="FILE", help="an order; - is standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the order, then make the first attempt here; the sweeper makes the others."""
        order, _ = fulfillment.start_order_fulfillment(_read(options["file"]), by=COMMAND_LINE)
        entry = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.START, subject=order.pk).first()
        if entry and lanes.deliver(entry.pk):
            order.refresh_from_db()
        else:  # a worker already starts it, or a batch contains this order
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
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        order = order_amounts.read(encodings.text(content))
    except OSError as error:
        raise Error(f"{name} cannot be read: {error.strerror}") from error
    except NotTextError as error:
        raise Error(f"{name} cannot be read: {error}") from error
    except Unreadable as error:
        explanation = error.explanation.replace("The body", "The file")
        raise Error(f"{name} cannot be read as JSON: {explanation}") from error
    if not isinstance(order, dict):
        raise Error(f"{name} holds no JSON object; an order is one.")
    return order
