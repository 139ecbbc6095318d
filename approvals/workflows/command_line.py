"""Runs the commands of this package from a shell, without Django."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Protocol

from approvals.workflows.asl.parser import UnreadableDefinition


class WorkflowCommand(Protocol):
    """What the module of a command offers."""

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments to the parser."""

    def run(self, options: Mapping[str, Any]) -> tuple[str, int]:
        """Run it; returns the report and the exit code. Raises UnreadableDefinition."""


def run_from_shell(name: str, command: WorkflowCommand) -> int:
    """Run a command on the process's arguments and print its report; returns the exit code."""
    parser = ArgumentParser(prog=name, description=command.HELP)
    command.add_arguments(parser)
    try:
        report, code = command.run(vars(parser.parse_args()))
    except UnreadableDefinition as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(report + "\n")
    return code
