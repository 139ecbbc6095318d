"""The base class of the commands that read a workflow's definition; approvals.workflows does their work."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import Error, ReviewCommand
from approvals.workflows import command_line
from approvals.workflows.asl.parser import UnreadableDefinition


class WorkflowCommand(ReviewCommand):
    """A command of `approvals.workflows` for manage.py; it needs no database and no settings."""

    implementation: command_line.WorkflowCommand
    requires_system_checks: list[str] = []  # they would judge settings that this does not use

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command's module."""
        self.implementation.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report, and exit with the command's code. Raises Error for a file that is no definition."""
        try:
            report, code = self.implementation.run(options)
        except UnreadableDefinition as error:
            raise Error(str(error)) from error
        self.stdout.write(report)
        if code:
            sys.exit(code)
