"""`price_workflow`: estimates what a workflow costs a month, run one way or another."""

from __future__ import annotations

from approvals.management.workflow_command import WorkflowCommand
from approvals.workflows.pricing import command


class Command(WorkflowCommand):
    """Price a definition; exits with 3 where it is to be EXPRESS and cannot be."""

    help = command.HELP
    implementation = command
