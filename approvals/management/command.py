"""What the commands share: their base classes, their errors, and arguments of more than one.

A user's mistake gets one line on standard error and an exit code, never a traceback.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.exceptions import DATABASE_AWAY, ApprovalsError
from approvals.models import User
from approvals.workflows.asl.parser import Unreadable

FINDING = 3  # exit code: something was found, an audit chain is broken, or stored and not done yet


class Error(CommandError):
    """Ends the command with exit code 1 and this message as its one line."""


class Usage(Error):
    """Ends the command with exit code 2: the arguments do not fit together."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


def moment(text: str) -> datetime:
    """Return the time that an argument gives in ISO 8601. Raises ArgumentTypeError without an offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - has no offset, so it is refused below
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time with its offset (…T09:30:00Z)")
    return at


class ReviewCommand(BaseCommand):
    """A command of this service: it ends an expected failure with one line instead of a traceback."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; raises Error for a domain error and for a database that does not answer."""
        try:
            return super().execute(*args, **options)
        except ApprovalsError as error:
            raise Error(error.message) from error
        except DATABASE_AWAY as error:
            reason = str(error).strip().splitlines()[-1] if str(error) else type(error).__name__
            raise Error(f"The database does not answer: {reason}") from error

    def stop_on_signals(self) -> threading.Event:
        """Return an event that SIGTERM and SIGINT set, for a loop to end after its current step."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        return stop

    def user(self, email: str) -> User:
        """Return the user with this e-mail address. Raises Error, which names the command that makes one."""
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise Error(f"No user {email}: `grant {email} QUEUE ROLE --create` makes one.")
        return user


class FileReport(Protocol):
    """A module that reports on files: its arguments, and the report they ask for."""

    HELP: str

    def arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Declare the arguments."""

    def run(self, options: Mapping[str, Any], /) -> tuple[str, int]:
        """Return the report and the exit code. Raises Unreadable for a file that cannot be read."""


class FileReportCommand(ReviewCommand):
    """A command that reads files and prints a report: it needs no database and no settings."""

    requires_system_checks: list[str] = []  # they would check settings that it does not use
    source: FileReport

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        self.source.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report and end with its exit code."""
        try:
            report, code = self.source.run(options)
        except Unreadable as error:
            raise Error(str(error)) from error
        self.stdout.write(report)
        if code:
            sys.exit(code)
