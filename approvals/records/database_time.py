"""The database's clock, which decides leases, deadlines and order; this machine's never does."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """The database's time at this statement.

    Call it after the lock is held: a time read in the locking SELECT is from before the wait.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
