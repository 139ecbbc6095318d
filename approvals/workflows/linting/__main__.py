"""`lint_workflow` without Django: `python -m approvals.workflows.linting`, and pre-commit's hook."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from approvals.workflows.asl.parser import Unreadable
from approvals.workflows.linting import command


def main() -> int:
    """Run the command; the exit code."""
    parser = ArgumentParser(prog="lint_workflow", description=command.HELP)
    command.arguments(parser)
    try:
        report, code = command.run(vars(parser.parse_args()))
    except Unreadable as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(report + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
