"""`price_workflow` without Django: `python -m approvals.workflows.pricing`."""

from __future__ import annotations

import sys

from approvals.workflows.command_line import run_from_shell
from approvals.workflows.pricing import command


def main() -> int:
    """Run the command on the process's arguments; returns the exit code."""
    return run_from_shell("price_workflow", command)


if __name__ == "__main__":
    sys.exit(main())
