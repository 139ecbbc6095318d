"""`migrate`: one line where a table is locked, or where the database does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.commands import migrate
from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


def failing(error: Exception) -> Any:
    """A migration that ends with this error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_table_that_is_locked_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = OperationalError("canceling statement due to lock timeout")
    locked.__cause__ = LockNotAvailable()
    monkeypatch.setattr(migrate.Command, "execute", failing(locked))

    line = refused("migrate")

    assert "Another transaction holds a lock" in line
    assert "Run migrate again" in line
    assert "\n" not in line


def test_a_database_that_is_away_is_named_by_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    away = OperationalError("connection failed:\nno such host")
    monkeypatch.setattr(migrate.Command, "execute", failing(away))

    assert refused("migrate") == "The database does not answer: no such host"


def test_a_database_that_is_up_to_date_is_left_alone() -> None:
    assert "No migrations to apply." in run("migrate")
