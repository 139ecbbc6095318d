"""Looks up the API token of a request and counts the request, in one statement."""

from __future__ import annotations

from django.db import connection

from approvals.models import ApiToken, User
from approvals.records import rate_limits

_TOKEN = [field.attname for field in ApiToken._meta.concrete_fields]
_USER = [field.attname for field in User._meta.concrete_fields]
# Columns of both tables have the same names, so each gets its table's letter in front.
_COLUMNS = ", ".join(
    [
        *(f't."{name}" AS "t_{name}"' for name in _TOKEN),
        *(f'u."{name}" AS "u_{name}"' for name in _USER),
    ]
)
_VALID = f"""
    SELECT {_COLUMNS}
    FROM approvals_apitoken AS t JOIN approvals_user AS u ON u.id = t.user_id
    WHERE t.digest = %(digest)s AND t.revoked_at IS NULL AND u.is_active
        AND (t.expiry IS NULL OR t.expiry > statement_timestamp())
"""  # noqa: S608  (all of it comes from the models)


def valid(digest: str, *, per_minute: int) -> tuple[ApiToken, bool] | None:
    """Returns the token with its active user, and whether its rate limit admits the request.

    None if the token is unknown, expired or revoked, or its user is not active; nothing is counted then.
    `per_minute` 0 is no limit. Call it outside a transaction, so that the count commits at once.
    """
    if per_minute:
        # Half of the digest tells tokens apart, and is too little to check a token against.
        name = f"token:{digest[:32]}"
        found = rate_limits.take_if(_VALID, {"digest": digest}, name, per_minute=per_minute)
    else:
        with connection.cursor() as cursor:
            cursor.execute(_VALID, {"digest": digest})
            row = cursor.fetchone()
        found = None if row is None else (row, True)
    if found is None:
        return None
    values, admitted = found
    token: ApiToken = ApiToken.from_db(connection.alias, _TOKEN, values[: len(_TOKEN)])
    token.user = User.from_db(connection.alias, _USER, values[len(_TOKEN) :])
    return token, admitted
