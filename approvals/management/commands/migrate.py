"""`migrate`: Django's own, with one line for a locked table or a database that does not answer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from approvals.management import application_role
from approvals.management.command import Error


class Command(migrate.Command):
    """Bring the database to this version. It gives up after lock_timeout, so that reviews go on."""

    help = (
        "Bring the database to this version: Django's own command. It gives up waiting for a lock after 3"
        " seconds, with one line, and can be run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then grant the role of the processes its rights, if APPLICATION_DATABASE_URL names it."""
        super().handle(*args, **options)
        if settings.APPLICATION_DATABASE_URL:
            name = application_role.grant(settings.APPLICATION_DATABASE_URL)
            self.stdout.write(f"{name} has the rights of the processes.")

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Migrate. A migration is one transaction, so one that gives up leaves nothing half done."""
        try:
            return super().execute(*args, **options)
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise Error(
                    "Another transaction holds a lock that this migration needs; it gave up rather"
                    " than hold up the desk. Run migrate again."
                ) from error
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise Error(f"The database does not answer: {reason[-1]}") from error
