"""Migrations that create an index while the service runs can be repeated after an interruption."""

from __future__ import annotations

import re

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

SINCE = "0012"  # those before are of releases that have been installed everywhere
CREATES = re.compile(r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF NOT EXISTS\s+)?(\w+)")


def created(operation: Operation) -> list[str]:
    """The indexes that an operation creates concurrently."""
    if isinstance(operation, AddIndexConcurrently):
        return [operation.index.name]
    if isinstance(operation, migrations.RunSQL) and isinstance(operation.sql, str):
        return CREATES.findall(operation.sql)
    return []


def test_each_index_is_dropped_before_it_is_created_since_an_interruption_leaves_it_invalid() -> (
    None
):
    loader = MigrationLoader(None)
    found, missing = [], []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app != "approvals" or name < SINCE:
            continue
        dropped = ""
        for operation in migration.operations:
            for index in created(operation):
                found.append(index)
                if f"DROP INDEX CONCURRENTLY IF EXISTS {index}\n" not in dropped:
                    missing.append(f"{name}: {index}")
            if isinstance(operation, migrations.RunSQL):
                dropped += f"{operation.sql}\n"

    assert "review_by_step" in found
    assert missing == []
