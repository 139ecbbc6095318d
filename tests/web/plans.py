"""How many rows PostgreSQL reads for a query, by its executed plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection


def executed(rows: Any) -> Any:
    """The executed plan of a query; None if it is no statement at all."""
    try:
        sql, values = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
        return cursor.fetchone()[0][0]


def rows_read(plan: dict[str, Any], *, but: str = "") -> Iterator[int]:
    """How many rows each node of an executed plan has seen, but those of this type."""
    seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    if plan["Node Type"] != but:
        yield int(seen * plan["Actual Loops"])
    for part in plan.get("Plans", []):
        yield from rows_read(part, but=but)


def rows_sorted(plan: dict[str, Any]) -> Iterator[int]:
    """How many rows each sort of an executed plan was given."""
    for part in plan.get("Plans", []):
        if plan["Node Type"] == "Sort" and part["Parent Relationship"] == "Outer":
            yield int(part["Actual Rows"] * part["Actual Loops"])
        yield from rows_sorted(part)
