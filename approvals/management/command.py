"""How a command says no: one line on stderr and an exit code, never a traceback for a user's mistake."""

from __future__ import annotations

import argparse
import signal
import threading
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals.exceptions import DATABASE_AWAY, ApprovalsError
from approvals.models import User

FINDING = 3  # exit code: a finding, a breach, or stored and not done


class Error(CommandError):
    """What the user sees: `Error: ...`."""


class Usage(Error):
    """The arguments do not fit together; the exit code is 2, as for any other wrong usage."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


def moment(text: str) -> datetime:
    """A time with its offset, as an argument of a command. Raises ArgumentTypeError for any other."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901  (as refused as any without an offset)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time with its offset (…T09:30:00Z)")
    return at


class ReviewCommand(BaseCommand):
    """A command whose refusals are one line; `stop` is set by SIGTERM and SIGINT."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; the domain's refusals and an absent database become an Error."""
        try:
            return super().execute(*args, **options)
        except ApprovalsError as error:
            raise Error(error.message) from error
        except DATABASE_AWAY as error:
            reason = str(error).strip().splitlines()[-1] if str(error) else type(error).__name__
            raise Error(f"The database does not answer: {reason}") from error

    def stop_on_signals(self) -> threading.Event:
        """An event that SIGTERM or SIGINT sets; the loop at hand finishes its step and leaves."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        return stop

    def user(self, email: str) -> User:
        """The user of this e-mail, or an Error that says how to make one."""
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise Error(f"No user {email}: `grant {email} QUEUE ROLE --create` makes one.")
        return user
