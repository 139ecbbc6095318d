"""`price_workflow`: what a workflow costs a month, run one way or another."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import Error, ReviewCommand
from approvals.workflows.asl.parser import Unreadable
from approvals.workflows.pricing import command


class Command(ReviewCommand):
    """Price a definition."""

    help = command.HELP
    requires_system_checks: list[str] = []  # they would judge settings that this does not use

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        command.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the estimate, and end with 3 where it was to be EXPRESS and cannot."""
        try:
            report, code = command.run(options)
        except Unreadable as error:
            raise Error(str(error)) from error
        self.stdout.write(report)
        if code:
            sys.exit(code)
