"""`lint_workflow`: what is wrong with a workflow's definition, by rule, place, reason and fix."""

from __future__ import annotations

from approvals.management.command import FileReportCommand
from approvals.workflows.linting import command


class Command(FileReportCommand):
    """Lint definitions. `python -m approvals.workflows.linting` does the same without Django."""

    help = command.HELP
    source = command
