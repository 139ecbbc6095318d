"""Queries that are composed once in a process: what a page asks for differs only in its values.

Django composes the SQL of a query set anew each time, and how its rows become instances, which takes longer than
PostgreSQL needs to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.query import get_related_populators

from approvals.records import statements

Row = TypeVar("Row", bound=Model)
Value = UUID | datetime | str | bool | Sequence[UUID]
Shape = tuple[tuple[str, Any], ...]  # of each value its name and its type, of a sequence its length
SHAPES = 16  # of one query that are kept, 70 KB each: a person's queues are a sequence


class PreparedError(Exception):
    """A query does not use its values as they are; the message is for who wrote it."""


@dataclass(frozen=True)
class _Composed:
    """The SQL of a statement, its parameters, which of them are whose value, and what reads its rows."""

    sql: str
    constants: tuple[Any, ...]
    places: tuple[tuple[int, str, int], ...]
    instances: _Instances

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
        rows = statements.all_rows(composed.sql, composed.filled(given))
        return [composed.instances.of(row, connection) for row in rows]

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
        instances = _Instances(compiler)
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
        return _Composed(sql, tuple(constants), tuple(places), instances)


class _Instances:
    """Makes instances of rows, as Django's ModelIterable does, of what a compiler has found out once."""

    def __init__(self, compiler: Any) -> None:
        found = compiler.klass_info
        first, last = found["select_fields"][0], found["select_fields"][-1]
        self._model = found["model"]
        self._columns = slice(first, last + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._columns]]
        # The types are those of Django 6.
        self._related = get_related_populators(found, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
        self._annotations = list(compiler.annotation_col_map.items())
        converters = compiler.get_converters([column[0] for column in compiler.select])
        self._converters = [(place, *each) for place, each in converters.items()]

    def of(self, row: Sequence[Any], connection: Any) -> Any:
        """The instance of a row, with its related rows and annotations.

        It gets its columns as an unpickled one does: by way of `__init__`, which looks at each field of the model,
        it takes three times as long.
        """
        values = list(row)
        for place, converters, expression in self._converters:
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        instance = self._model.__new__(self._model)
        instance._state = state = ModelState()
        state.db, state.adding = DEFAULT_DB_ALIAS, False
        columns = instance.__dict__
        columns.update(zip(self._names, values[self._columns], strict=True))
        for populator in self._related:
            populator.populate(values, instance)
        for name, place in self._annotations:
            setattr(instance, name, values[place])
        return instance


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
