"""`price_workflow`: what a workflow costs per month, by one way of running it or another."""

from __future__ import annotations

from approvals.management.command import FileReportCommand
from approvals.workflows.pricing import command


class Command(FileReportCommand):
    """Estimate the monthly cost of a definition; exit code 3 if it cannot be EXPRESS and should be."""

    help = command.HELP
    source = command
