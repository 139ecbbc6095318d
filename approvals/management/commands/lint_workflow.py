"""`lint_workflow`: checks workflow definitions; each finding has a rule, a place, the reason and the fix."""

from __future__ import annotations

from approvals.management.workflow_command import WorkflowCommand
from approvals.workflows.linting import command


class Command(WorkflowCommand):
    """Lint definitions; exits with 3 if there is a finding."""

    help = command.HELP
    implementation = command
