"""The database role of the processes: it reads and writes rows, and cannot change the audit trail or a table."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from django.db import connection, transaction
from psycopg import sql

from approvals.management.command import Error

# `{role}` reads and writes rows; what the trail rests on is appended, and ends once.
GRANTS = """
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role};
REVOKE UPDATE, DELETE ON approvals_auditevent, approvals_decision, approvals_vote FROM {role};
GRANT UPDATE (undone_at) ON approvals_decision TO {role};
GRANT UPDATE (withdrawn_at) ON approvals_vote TO {role};
"""


@transaction.atomic
def grant(url: str) -> str:
    """Create the role of a database URL or set its password, and grant it what processes need; returns its name.

    The connection's own role owns the tables. Raises Error if the URL names no user with a password, or
    the owner.
    """
    parts = urlsplit(url)
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not name or not password:
        raise Error("APPLICATION_DATABASE_URL names no user with a password.")
    role = sql.Identifier(name)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [name]
        )
        owner, is_there = cursor.fetchone() or ("", False)
        if name == owner:
            raise Error(
                "APPLICATION_DATABASE_URL names the owner of the tables: name another role."
            )
        made = (
            "ALTER ROLE {role} LOGIN PASSWORD {password}"
            if is_there
            else ("CREATE ROLE {role} LOGIN PASSWORD {password}")
        )
        cursor.execute(sql.SQL(made).format(role=role, password=sql.Literal(password)))
        cursor.execute(sql.SQL(GRANTS).format(role=role))
    return name
