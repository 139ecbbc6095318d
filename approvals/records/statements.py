"""Statements that are sent often, with their parameters apart, so that PostgreSQL can keep their plans.

Django's own cursors put parameters into the text, which PostgreSQL cannot prepare. Those from here it prepares
when a connection sends them again, if DATABASE_PREPARED_STATEMENTS says so and no pgbouncer or other proxy
stands before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

M = TypeVar("M", bound=Model)
Statement = tuple[str, Sequence[Any]]
Row = tuple[Any, ...]

# Connections whose server process was compared.
_asked: WeakSet[psycopg.Connection[Any]] = WeakSet()


class Columns(Generic[M]):
    """The columns of a model in a SELECT, under a table alias, and instances made of their values."""

    def __init__(self, model: type[M], alias: str, *, but: Collection[str] = ()) -> None:
        self._model = model
        fields = [field for field in model._meta.concrete_fields if field.name not in but]
        self._names = [field.attname for field in fields]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in fields)
        self._converters = [
            (number, convert, field.get_col(model._meta.db_table))
            for number, field in enumerate(fields)
            for convert in field.get_db_converters(connection)
        ]

    def __len__(self) -> int:
        return len(self._names)

    def position(self, name: str) -> int:
        """The place of a field among the values."""
        return self._names.index(name)

    def instance(self, values: Row) -> M:
        """The instance with these values; columns that were left out are deferred."""
        converted = list(values)
        for number, convert, column in self._converters:
            converted[number] = convert(converted[number], column, connection)
        return self._model.from_db(connection.alias, self._names, converted)


def first_row(text: str, parameters: Sequence[Any], *, numbered: bool = False) -> Row | None:
    """The first row of a statement's result. Raises Django's database errors.

    The parameters of a `numbered` text are $1, $2: psycopg need not look for the marks of hundreds of them.
    """
    with _cursor(numbered=numbered) as cursor:
        cursor.execute(text, parameters)
        row: Row | None = cursor.fetchone()
    return row


def one_row(text: str, parameters: Sequence[Any]) -> Row:
    """The row of a statement whose result always has one. Raises Django's database errors."""
    (row,) = all_rows(text, parameters)
    return row


def all_rows(
    text: str,
    parameters: Sequence[Any] | Mapping[str, Any],
    *,
    keep_plan: bool = True,
    numbered: bool = False,
) -> list[Row]:
    """All rows of a statement's result, which may be `numbered` as above. Raises Django's database errors.

    No plan is to be kept (`keep_plan`) of a statement whose best plan depends on its values: ranges, long lists.
    """
    with _cursor(None if keep_plan else False, numbered=numbered) as cursor:
        cursor.execute(text, parameters)
        rows: list[Row] = cursor.fetchall()
    return rows


def first_rows(*statements: Statement) -> list[Row | None]:
    """The first row of each statement's result; the statements are sent in one round trip.

    Each statement sees what was committed when it began, also if the one before it waited for a lock.
    Raises Django's database errors.
    """
    connection.ensure_connection()
    cursors = [_cursor() for _ in statements]
    with connection.wrap_database_errors, connection.connection.pipeline():
        for cursor, (text, parameters) in zip(cursors, statements, strict=True):
            cursor.execute(text, parameters)
    rows: list[Row | None] = [cursor.fetchone() for cursor in cursors]
    for cursor in cursors:
        cursor.close()
    return rows


def lock_name(name: str) -> None:
    """Wait until no other transaction has locked this name, and lock it until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])


class _Cursor(psycopg.Cursor[Any]):
    """A cursor of a connection whose prepared statements may have become wrong; `prepare` is as psycopg's."""

    prepare: bool | None = None

    def execute(self, *args: Any, **named: Any) -> Any:
        """As psycopg's, but nothing is prepared any longer when PostgreSQL refuses a plan.

        It does so when a migration has changed the type of a column that the statement reads. A statement in a
        transaction fails, as the transaction has; another is sent again.
        """
        named.setdefault("prepare", self.prepare)
        try:
            return super().execute(*args, **named)
        except psycopg.errors.FeatureNotSupported:
            if self.connection.prepare_threshold is None:
                raise
            self.connection.prepare_threshold = None
            if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                raise
        return super().execute(*args, **named)


class _NumberedCursor(_Cursor, psycopg.RawCursor[Any]):
    """The same for texts whose parameters are numbered."""


def _cursor(prepare: bool | None = None, *, numbered: bool = False) -> CursorWrapper:
    """A cursor of this thread's connection that binds on the server, with Django's errors and query log."""
    connection.ensure_connection()
    session = connection.connection
    if session.prepare_threshold is not None and session not in _asked:
        _prepare_only_without_proxy(session)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    bound: Any = (_NumberedCursor if numbered else _Cursor)(session)
    # Of a prepared statement psycopg keeps no text, which Django's query log would show.
    bound.prepare = False if connection.queries_logged else prepare
    return make(bound)


def _prepare_only_without_proxy(session: psycopg.Connection[Any]) -> None:
    """Let a connection prepare nothing if the server's process is not the one that it was told of.

    A pgbouncer in transaction mode gives each transaction another process, which knows no statement of the last.
    To its clients it names processes of its own making.
    """
    with connection.wrap_database_errors, psycopg.Cursor(session) as cursor:
        found = cursor.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    if found != (session.info.backend_pid,):
        session.prepare_threshold = None
    _asked.add(session)
