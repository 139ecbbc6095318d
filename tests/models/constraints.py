"""Helpers of the tests of constraints, which hold whatever the code above the database does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction


def assert_refused(constraint: str, change: Callable[[], object]) -> None:
    """Make a change, which this constraint must refuse."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        change()


def again(row: models.Model, **changes: Any) -> None:
    """Store a copy of a row under a new key."""
    for name, value in ({"pk": uuid4()} | changes).items():
        setattr(row, name, value)
    row.save(force_insert=True)


def assert_frozen(model: type[models.Model], change: str) -> None:
    """Run an UPDATE of a model's table, which its trigger must refuse."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # pending checks would be in the way
        update = f"UPDATE {model._meta.db_table} SET {change}"  # noqa: S608  (text of a test)
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            cursor.execute(update)
