"""The first rows of a list, looked for in stages within one statement: cheap ways first, sure ways last.

PostgreSQL cannot tell by its statistics whether the first rows that fit stand at the beginning of a list or at its
end. One plan is quick for the one, another for the other, and the wrong one is a hundred times slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F, Func, Subquery
from django.db.models.functions import Greatest


@dataclass(frozen=True)
class Stage:
    """Queries of ids, of which each has all rows of the stages before that fit.

    Each has its first rows that fit, unless it `checks`: then a second column says which of its rows fit. The
    stage is left out unless the one before has found so many (`at_least`).
    """

    queries: list[Any]
    checks: bool = False
    at_least: int = 0


class FirstFound(Func):
    """Ids of rows by the first stage that finds `limit` of them; of all stages if none does."""

    def __init__(
        self, *stages: Stage, limit: int, ids: type[models.Field[Any, Any]] = models.UUIDField
    ) -> None:
        parts = [Subquery(query) for stage in stages for query in stage.queries]
        super().__init__(*parts, output_field=ids())
        self.stages, self.limit = stages, limit

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """The statement. PostgreSQL runs no query whose gate is closed."""
        compiled = [compiler.compile(part) for part in self.get_source_expressions()]
        texts = iter(compiled)
        found: list[str] = []
        gates: list[str] = []
        for stage in self.stages:
            before, first = list(gates), len(found) - 1
            if stage.at_least:
                before.append(f"{_count(first)} >= {stage.at_least:d}")
            for _ in stage.queries:
                text, _values = next(texts)
                columns = "(id, fits)" if stage.checks else "(id)"
                gate = " AND ".join([*before, *(["fits"] if stage.checks else [])]) or "true"
                gates.append(f"{_count(len(found))} < {self.limit:d}")
                found.append(f"SELECT id FROM {text} AS rows {columns} WHERE {gate}")  # noqa: S608  # the ORM's
        named = (
            f"found{n} AS MATERIALIZED ({text} LIMIT {self.limit:d})"
            for n, text in enumerate(found)
        )
        union = " UNION ALL ".join(f"SELECT id FROM found{n}" for n in range(len(found)))  # noqa: S608
        parameters = [value for _, values in compiled for value in values]
        return f"(WITH {', '.join(named)} {union})", parameters


def by_sorting(rows: Any) -> Any:
    """The same rows in the same order, which no index has: PostgreSQL finds them first, then sorts them."""
    first, *others = rows.query.order_by
    name = first.removeprefix("-")
    same = Greatest(F(name), F(name))
    return rows.order_by(same.desc() if first != name else same.asc(), *others)


def _count(number: int) -> str:
    return f"(SELECT count(*) FROM found{number})"  # noqa: S608  # a number
