"""Statements of verbs, sent with their parameters apart, so that PostgreSQL can keep their plans.

Django's own cursors put parameters into the text, which PostgreSQL cannot prepare. Whether it prepares
those from here is the setting DATABASE_PREPARED_STATEMENTS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

M = TypeVar("M", bound=Model)
Statement = tuple[str, Sequence[Any]]
Row = tuple[Any, ...]


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


def first_row(text: str, parameters: Sequence[Any]) -> Row | None:
    """The first row of a statement's result. Raises Django's database errors."""
    with _cursor() as cursor:
        cursor.execute(text, parameters)
        row: Row | None = cursor.fetchone()
    return row


def one_row(text: str, parameters: Sequence[Any]) -> Row:
    """The row of a statement whose result always has one. Raises Django's database errors."""
    (row,) = all_rows(text, parameters)
    return row


def all_rows(text: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """All rows of a statement's result. Raises Django's database errors."""
    with _cursor() as cursor:
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


def _cursor() -> CursorWrapper:
    """A cursor of this thread's connection that binds on the server, with Django's errors and query log."""
    connection.ensure_connection()
    bound: Any = psycopg.Cursor(connection.connection)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return make(bound)
