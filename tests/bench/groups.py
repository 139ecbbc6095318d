"""The groups of rows in the order in which they are measured."""

from __future__ import annotations

from tests.bench import rows_decision, rows_http, rows_resources, rows_worker
from tests.bench.rows import Group

GROUPS: tuple[Group, ...] = (
    rows_resources.DISK,
    rows_decision.GROUP,
    *rows_http.GROUPS,
    *rows_resources.GROUPS,
    *rows_worker.GROUPS,
)


def chosen(names: list[str]) -> list[Group]:
    """The groups of these names, all of them without names. Raises LookupError."""
    known = {group.name: group for group in GROUPS}
    if unknown := [name for name in names if name not in known]:
        raise LookupError(f"no group {unknown[0]!r}: choose of {', '.join(known)}")
    return [group for group in GROUPS if not names or group.name in names]
