"""`lint_workflow`: what is wrong with a workflow's definition, by rule, place, reason and fix."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import Error, ReviewCommand
from approvals.workflows.asl.parser import Unreadable
from approvals.workflows.linting import command


class Command(ReviewCommand):
    """Lint definitions; the same command runs without Django in pre-commit."""

    help = command.HELP
    requires_system_checks: list[str] = []  # they would judge settings that this does not use

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        command.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Report, and end with 3 where there is a finding."""
        try:
            report, code = command.run(options)
        except Unreadable as error:
            raise Error(str(error)) from error
        self.stdout.write(report)
        if code:
            sys.exit(code)
