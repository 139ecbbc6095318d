"""What a migration may do while the release before still runs: expand, and never make it wait long.

A release is rolled out one process at a time, so the code of the release before reads and writes the
migrated database for a while. `objections` says what in a migration would stop it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import connection, models
from django.db.migrations import operations as does
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APP = "approvals"
HARMLESS = (
    does.CreateModel,
    does.AlterModelOptions,
    does.AlterModelManagers,
    does.RemoveConstraint,
    does.RemoveIndex,
    does.RenameIndex,
    AddIndexConcurrently,
)
# Each line names what was looked at by a person, and why it may stand.
ALLOWED = {
    "0003_doors: AddIndex on quarantinedmessage": "a row a broken message: small, and seldom written",
    "0003_doors: AddField quarantinedmessage.replayed_as makes an index": "as above, all null yet",
    "0010_model_names: SeparateDatabaseAndState hides what the database does": "it does nothing there",
}
WIDER = {
    ("smallint", "integer"),
    ("smallint", "bigint"),
    ("integer", "bigint"),
}


@dataclass
class Before:
    """The tables that the release before has, by model, and the state the operation starts from."""

    tables: set[str]
    state: ProjectState
    made_here: set[str] = field(default_factory=set)

    def is_in_use(self, model: str) -> bool:
        """Whether the release before reads and writes this table."""
        return model.lower() in self.tables and model.lower() not in self.made_here


def objections(migration: Migration, before: Before) -> list[str]:
    """What of a migration the release before, still running, would not survive."""
    return [what for what in findings(migration, before) if what not in ALLOWED]


def findings(migration: Migration, before: Before) -> list[str]:
    """As `objections`, with what a person has allowed."""
    found: list[str] = []
    previous = None
    for operation in migration.operations:
        said = [*_of(operation, before), *_of_concurrent(operation, previous)]
        found += [f"{migration.name}: {what}" for what in said]
        if isinstance(operation, does.CreateModel):
            before.made_here.add(operation.name.lower())
        operation.state_forwards(APP, before.state)
        previous = operation
    return found


def _of_concurrent(operation: Operation, previous: Operation | None) -> Iterator[str]:
    """An index built aside, whose builder gave up, stays behind invalid and under its name."""
    if isinstance(operation, AddIndexConcurrently):
        cleared = f"DROP INDEX CONCURRENTLY IF EXISTS {operation.index.name}"
        if not (isinstance(previous, does.RunSQL) and cleared in str(previous.sql)):
            yield f"AddIndexConcurrently cannot be run again: before it, {cleared}"


def _of(operation: Operation, before: Before) -> Iterator[str]:
    kind = type(operation).__name__
    if isinstance(operation, does.SeparateDatabaseAndState):
        yield f"{kind} hides what the database does"
    elif isinstance(operation, does.RunPython | does.RunSQL):
        if not operation.reversible:
            yield f"{kind} cannot be reversed"
    elif isinstance(operation, HARMLESS):
        return
    else:
        model = getattr(operation, "model_name", None) or getattr(operation, "name", "")
        if before.is_in_use(model):
            yield from _of_table(operation, model.lower(), before)


def _of_table(operation: Operation, model: str, before: Before) -> Iterator[str]:
    """What is wrong with an operation on a table that is in use."""
    kind = type(operation).__name__
    if isinstance(operation, does.AddField):
        yield from _of_column(operation.field, f"{kind} {model}.{operation.name}")
    elif isinstance(operation, does.AlterField):
        old = before.state.models[APP, model].fields[operation.name]
        yield from _narrowing(old, operation.field, f"{kind} {model}.{operation.name}")
    elif isinstance(operation, does.AddIndex):
        yield f"{kind} on {model}"
    elif isinstance(operation, AddConstraintNotValid):
        yield f"{kind} on {model} refuses rows that were fine"
    else:
        yield f"{kind} on {model}"


def _of_column(added: models.Field[Any, Any], what: str) -> Iterator[str]:
    if added.many_to_many:
        return
    if not added.null and not added.has_db_default():
        yield f"{what} is neither null nor has a default in the database"
    if added.unique or _has_index(added):
        yield f"{what} makes an index"


def _narrowing(
    old: models.Field[Any, Any], new: models.Field[Any, Any], what: str
) -> Iterator[str]:
    if old.null and not new.null:
        yield f"{what} is no longer null"
    if old.has_db_default() and not (new.has_db_default() or new.null):
        yield f"{what} loses its default in the database"
    if (new.unique and not old.unique) or (_has_index(new) and not _has_index(old)):
        yield f"{what} makes an index"
    was, becomes = (each.db_type(connection) for each in (old, new))
    if was != becomes and not _is_wider(was or "", becomes or ""):
        yield f"{what} turns {was} into {becomes}"


def _has_index(column: models.Field[Any, Any]) -> bool:
    return bool(getattr(column, "db_index", False))


def _is_wider(was: str, becomes: str) -> bool:
    if was.startswith("varchar("):
        if becomes == "text":
            return True
        if becomes.startswith("varchar("):
            return int(was[8:-1]) <= int(becomes[8:-1])
    return (was, becomes) in WIDER
