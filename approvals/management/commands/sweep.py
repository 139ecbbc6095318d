"""`sweep`: deliver what is due without any broker, until told to stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import ReviewCommand
from approvals.worker import loop


class Command(ReviewCommand):
    """Deliver what waits in the outbox."""

    help = "Deliver decisions and start orders that are due. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("--once", action="store_true", help="until nothing is due, then leave")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep until done or stopped."""
        if options["once"]:
            self.stdout.write(f"{loop.sweep_once()} attempts made")
        else:
            loop.sweep_forever(self.stop_on_signals())
