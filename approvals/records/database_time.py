"""The clock of the database: leases, deadlines and order depend on it alone."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """The time of the database at this statement.

    Call it after a lock was taken: a time read in the locking SELECT is from before its wait.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
