"""`sweep`: deliver what is due, without a message broker, until SIGTERM."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import ReviewCommand
from approvals.worker import loop
from config import memory


class Command(ReviewCommand):
    """Deliver the due entries of the outbox and run the periodic tasks."""

    help = (
        "The worker's loop: make the calls to AWS that are due, run the periodic tasks, send heartbeats."
        " Several may run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--once", action="store_true", help="end when nothing is due")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep once, or until a signal comes."""
        if options["once"]:
            self.stdout.write(f"{loop.sweep_once()} attempts made")
        else:
            memory.tune()
            loop.sweep_forever(self.stop_on_signals())
