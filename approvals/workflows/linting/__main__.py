"""`lint_workflow` without Django: `python -m approvals.workflows.linting`, and the hook for pre-commit."""

from __future__ import annotations

import sys

from approvals.workflows.command_line import run_from_shell
from approvals.workflows.linting import command


def main() -> int:
    """Run the command on the process's arguments; returns the exit code."""
    return run_from_shell("lint_workflow", command)


if __name__ == "__main__":
    sys.exit(main())
