"""What the commands share: their base classes, their errors, and arguments of more than one.

A user's mistake gets one line on standard error and an exit code, never a traceback.
"""

from __future__ import annotations

import argparse
import signal
import threading
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals.exceptions import DATABASE_AWAY, ApprovalsError
from approvals.models import User

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

    # `migrate` and `make check` run them; here they would load every page for each command.
    requires_system_checks: list[str] = []

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
