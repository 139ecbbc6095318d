"""`migrate`: Django's own, which says in one line that a table is locked or the database away."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from approvals.management.command import Error


class Command(migrate.Command):
    """Bring the database to this version; gives up after lock_timeout rather than hold up the desk."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Migrate. A migration is one transaction: where it is given up, it leaves nothing half done."""
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
