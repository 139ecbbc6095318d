"""Queries whose SQL is composed once in a process: what a page asks for differs only in its values.

Django composes the SQL of a query set anew each time, which takes longer than PostgreSQL needs to answer it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

Row = TypeVar("Row", bound=Model)
Value = UUID | datetime | str | bool | Sequence[UUID]
Shape = tuple[tuple[str, Any], ...]  # of each value its name and its type, of a sequence its length
SHAPES = 16  # of one query that are kept, 70 KB each: a person's queues are a sequence


class PreparedError(Exception):
    """A query does not use its values as they are; the message is for who wrote it."""


@dataclass(frozen=True)
class _Composed:
    """The compiler that composed a statement, its SQL, its parameters, and which of them are whose value."""

    compiler: Any
    sql: str
    constants: tuple[Any, ...]
    places: tuple[tuple[int, str, int], ...]

    def filled(self, values: dict[str, Sequence[Any]]) -> tuple[Any, ...]:
        """The parameters with these values in their places."""
        parameters = list(self.constants)
        for place, name, position in self.places:
            parameters[place] = values[name][position]
        return tuple(parameters)


class Prepared(Generic[Row]):
    """A function that returns a query set, called with values: ids, times, texts, or sequences of ids.

    The function is called with stand-ins, so it may only pass its values on to lookups; a bool it may ask for.
    What else goes into the query must be the same each time.
    """

    def __init__(self, query_set: Callable[..., QuerySet[Row]]) -> None:
        self.query_set = query_set
        self._composed = lru_cache(maxsize=SHAPES)(self._compose)
        self._is_checked = False

    def __call__(self, **values: Value) -> list[Row]:
        """The rows that the query finds with these values."""
        composed = self._composed(tuple((name, _shape(value)) for name, value in values.items()))
        if composed is None:
            return []
        given = {name: _sequence(value) for name, value in values.items()}
        return list(ModelIterable(_Source(composed, given)))  # type: ignore[arg-type]

    def _compose(self, shape: Shape) -> _Composed | None:
        """The statement for values of these kinds; None if it finds nothing, such as rows of no queue.

        The first time it is composed twice, with other stand-ins: what differs otherwise is no constant. Raises
        PreparedError.
        """
        try:
            composed = self._compose_once(shape)
            again = composed if self._is_checked else self._compose_once(shape)
        except EmptyResultSet:
            return None
        if (composed.sql, repr(composed.constants)) != (again.sql, repr(again.constants)):
            raise PreparedError(f"the query {self.query_set} is not the same each time")
        self._is_checked = True
        return composed

    def _compose_once(self, shape: Shape) -> _Composed:
        stand_ins = {name: _stand_in(kind) for name, kind in shape}
        compiler = self.query_set(**stand_ins).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        compiler.connection = None  # of this thread; each call takes that of its own
        wanted = {
            each: (name, position)
            for name, value in stand_ins.items()
            if not isinstance(value, bool)
            for position, each in enumerate(_sequence(value))
        }
        places = [
            (place, *wanted[each])
            for place, each in enumerate(parameters)
            if isinstance(each, UUID | datetime | str) and each in wanted
        ]
        if len({place[1:] for place in places}) < len(wanted):
            raise PreparedError(f"the query {self.query_set} does not use each value as it is")
        taken = {place for place, _, _ in places}
        constants = (None if at in taken else each for at, each in enumerate(parameters))
        return _Composed(compiler, sql, tuple(constants), tuple(places))


class _Source:
    """What Django's ModelIterable reads of a query set: here with a statement that is composed already."""

    db = DEFAULT_DB_ALIAS
    _known_related_objects: dict[Any, Any] = {}

    def __init__(self, composed: _Composed, values: dict[str, Sequence[Any]]) -> None:
        self._composed, self._values = composed, values
        self.query = self

    def get_compiler(self, using: str) -> Any:
        """A compiler of this thread's connection, whose statement is that one."""
        compiler = copy.copy(self._composed.compiler)
        compiler.connection = connections[using]
        statement = self._composed.sql, self._composed.filled(self._values)
        compiler.as_sql = lambda: statement
        return compiler


def _shape(value: Value) -> Any:
    if isinstance(value, bool):
        return value
    return len(value) if isinstance(value, list | tuple) else type(value)


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _stand_in(kind: Any) -> Value:
    """A value of a kind, which no other is equal to."""
    if isinstance(kind, bool):
        return kind
    if isinstance(kind, int):
        return [uuid4() for _ in range(kind)]
    if kind is UUID:
        return uuid4()
    if kind is datetime:
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=uuid4().int % 10**15)
    return str(uuid4())
