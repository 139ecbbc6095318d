"""A unit of work: the rows that a verb writes, sent as one SQL statement.

The statement is a WITH of one INSERT, UPDATE or DELETE for each row. PostgreSQL runs its parts on one
snapshot, in no defined order (https://www.postgresql.org/docs/current/queries-with.html, "Data-Modifying
Statements in WITH"): none sees what another writes. So each row stands in a unit once, and a row that
frees a value of a unique index needs another unit than the row that takes it. Foreign keys are checked
later, so rows of one unit may refer to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import count, islice
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    NOT_PROVIDED,
    BooleanField,
    CharField,
    Field,
    Model,
    TextField,
    UUIDField,
)
from django.db.models.expressions import DatabaseDefault

from approvals.records import statements

Row = TypeVar("Row", bound=Model)
# https://www.postgresql.org/docs/current/limits.html, "query parameters"
MOST_PARAMETERS = 65_535
# Values of these types are written as they are; Django's way asks some six functions for each of them.
_AS_THEY_ARE: Mapping[type[Field[Any, Any]], type] = {
    CharField: str,
    TextField: str,
    UUIDField: UUID,
    BooleanField: bool,
}


class ConditionFailed(Exception):
    """A row to be changed is gone, or its `where` does not hold; the transaction must be rolled back."""


class _Part(NamedTuple):
    """The shape of one INSERT, UPDATE or DELETE; `where` is None for an INSERT."""

    model: type[Model]
    columns: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    where: tuple[str, ...] | None = None


class UnitOfWork:
    """Collects rows and writes them with one statement, inside the caller's transaction.

    It calls neither signals nor `save`; no model of this project has either.
    """

    def __init__(self) -> None:
        self._rows: list[Model] = []
        self._parts: list[_Part] = []
        self._values: list[Any] = []
        self._afterwards: list[Callable[[], None]] = []

    def insert(self, row: Row) -> Row:
        """Insert a row; returns it. Columns that the database fills in are set by `write`."""
        given: list[str] = []
        filled: list[str] = []
        values: list[Any] = []
        session = connections[DEFAULT_DB_ALIAS]
        for field in row._meta.concrete_fields:
            value = field.pre_save(row, add=True)
            if _is_filled_in(field, value):
                filled.append(field.attname)
            elif value is not None or field.db_default is not NOT_PROVIDED:
                given.append(field.attname)
                values.append(_prepared(field, value, session))
        self._add(row, _Part(type(row), tuple(given), tuple(filled)), values)
        return row

    def update(self, row: Model, *names: str, where: Mapping[str, Any] | None = None) -> None:
        """Update these fields of a row to their present values, if `where` (field: value) still holds.

        Raises ValueError for a value of None in `where`, which SQL finds equal to nothing.
        """
        if where and None in where.values():
            raise ValueError(f"{where}: a condition cannot ask for NULL")
        fields = [_field(type(row), name) for name in names]
        session = connections[DEFAULT_DB_ALIAS]
        values = [_prepared(field, field.pre_save(row, add=False), session) for field in fields]
        self._change(row, tuple(field.attname for field in fields), values, where)

    def delete(self, row: Model) -> None:
        """Delete a row to which no other refers."""
        self._change(row, (), [], None)

    def afterwards(self, do: Callable[[], None]) -> None:
        """Call `do` once the rows are written, in the order of these calls."""
        self._afterwards.append(do)

    def write(self) -> None:
        """Write all rows. Raises ConditionFailed, or IntegrityError."""
        if self._parts:
            written = statements.first_row(_text(tuple(self._parts)), self._values, numbered=True)
            if written is None:  # a join of all parts: one of them has changed no row
                raise ConditionFailed
            self._fill_in(written)
        afterwards = self._afterwards
        self._rows, self._parts, self._values, self._afterwards = [], [], [], []
        for do in afterwards:
            do()

    def _fill_in(self, written: statements.Row) -> None:
        values = iter(written)
        for row, part in zip(self._rows, self._parts, strict=True):
            for name in part.returned:
                setattr(row, name, next(values))
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    def _change(
        self,
        row: Model,
        columns: tuple[str, ...],
        values: list[Any],
        where: Mapping[str, Any] | None,
    ) -> None:
        conditions = [row._meta.pk, *(_field(type(row), name) for name in where or {})]
        expected = [row.pk, *(where or {}).values()]
        session = connections[DEFAULT_DB_ALIAS]
        values += [
            _prepared(field, value, session)
            for field, value in zip(conditions, expected, strict=True)
        ]
        names = tuple(field.attname for field in conditions)
        self._add(row, _Part(type(row), columns, (), names), values)

    def _add(self, row: Model, part: _Part, values: list[Any]) -> None:
        if any(type(other) is type(row) and other.pk == row.pk for other in self._rows if row.pk):
            raise ValueError(
                f"{row!r} is in this unit already: PostgreSQL would write one of the two"
            )
        self._rows.append(row)
        self._parts.append(part)
        self._values += values


def insert_new(rows: Sequence[Row]) -> tuple[list[Row], datetime | None]:
    """Insert rows of one model that break no unique constraint, with one statement.

    Returns the inserted ones, and the database's time; None if there are none. Columns that the database
    fills in are not read back. Raises TypeError if it would fill a column of some of the rows only.
    """
    if not rows:
        return [], None
    inserted = _insert_many(rows, " ON CONFLICT DO NOTHING")
    keys = {key for key, _ in inserted}
    new = [row for row in rows if row.pk in keys]
    for row in new:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return new, inserted[0][1] if inserted else None


def insert_all(rows: Sequence[Model]) -> None:
    """Insert rows of one model with one statement; what the database fills in is not read back.

    Raises IntegrityError, and TypeError if it would fill a column of some of the rows only.
    """
    if rows:
        _insert_many(rows, "")


def _insert_many(rows: Sequence[Model], on_conflict: str) -> list[statements.Row]:
    """Insert rows of one model; returns the key of each inserted one, and the database's time."""
    model = type(rows[0])
    every = model._meta.concrete_fields
    given = [[field.pre_save(row, add=True) for field in every] for row in rows]
    kept = [
        number
        for number, field in enumerate(every)
        if not all(_is_filled_in(field, values[number]) for values in given)
    ]
    columns = tuple(every[number].column for number in kept)
    at_once = MOST_PARAMETERS // len(columns)
    session = connections[DEFAULT_DB_ALIAS]
    inserted = []
    for first in range(0, len(rows), at_once):
        part = given[first : first + at_once]
        text = _text_of_many(model, columns, len(part), on_conflict)
        values = [_prepared(every[number], row[number], session) for row in part for number in kept]
        inserted += statements.all_rows(text, values, numbered=True)
    return inserted


@lru_cache(maxsize=200)
def _text_of_many(
    model: type[Model], columns: tuple[str, ...], number_of_rows: int, on_conflict: str
) -> str:
    marks = (f"${number}" for number in count(1))
    rows = [f"({', '.join(islice(marks, len(columns)))})" for _ in range(number_of_rows)]
    named = ", ".join(f'"{column}"' for column in columns)
    return (
        f'INSERT INTO "{model._meta.db_table}" ({named}) VALUES {", ".join(rows)}{on_conflict}'
        f' RETURNING "{_column(model, "pk")}", statement_timestamp()'
    )


def _is_filled_in(field: Field[Any, Any], value: Any) -> bool:
    """Whether the database gives a column its value."""
    return isinstance(value, DatabaseDefault) or (value is None and field.primary_key)


def _prepared(field: Field[Any, Any], value: Any, session: BaseDatabaseWrapper) -> Any:
    if type(value) is _AS_THEY_ARE.get(type(field)):
        return value
    if hasattr(value, "resolve_expression"):
        raise TypeError(f"{field}: a unit of work writes values, no expressions")
    return field.get_db_prep_save(value, session)


@lru_cache(maxsize=1_000)
def _text(parts: tuple[_Part, ...]) -> str:
    """The SQL of units of this shape; an equal text each time, so that it is prepared once."""
    names = [f"part_{number}" for number in range(len(parts))]
    marks = (f"${number}" for number in count(1))
    bodies = [f"{name} AS ({_sql(part, marks)})" for name, part in zip(names, parts, strict=True)]
    returned = [
        f'{name}."{_column(part.model, field)}"'
        for name, part in zip(names, parts, strict=True)
        for field in part.returned
    ]
    return f"WITH {', '.join(bodies)} SELECT {', '.join(returned) or '1'} FROM {', '.join(names)}"


def _sql(part: _Part, marks: Iterator[str]) -> str:
    """The SQL of a part, with the next marks for its values, in their order."""
    table = f'"{part.model._meta.db_table}"'
    columns = [f'"{_column(part.model, name)}"' for name in part.columns]
    if part.where is None:
        values = ", ".join(islice(marks, len(columns)))
        returned = ", ".join(f'"{_column(part.model, name)}"' for name in part.returned) or "1"
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) RETURNING {returned}"
    changes = ", ".join(f"{column} = {next(marks)}" for column in columns)
    holds = " AND ".join(f'"{_column(part.model, name)}" = {next(marks)}' for name in part.where)
    if not changes:
        return f"DELETE FROM {table} WHERE {holds} RETURNING 1"
    return f"UPDATE {table} SET {changes} WHERE {holds} RETURNING 1"


def _column(model: type[Model], name: str) -> str:
    return str(_field(model, name).column)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    found: Field[Any, Any] = field
    return found
