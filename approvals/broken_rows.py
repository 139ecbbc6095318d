"""A row that cannot be shown does not take its list along: the list shows, and logs, that it is broken.

Pages, the admin site and the API all use `shown`. Rows hold untrusted text, so a mistake of ours in
showing it would otherwise take the whole list from everybody.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.db.models import Model

from approvals.exceptions import DATABASE_AWAY

log = structlog.get_logger(__name__)
Row = TypeVar("Row")
Shown = TypeVar("Shown")


@dataclass(frozen=True)
class BrokenRow:
    """Stands in a list for a row that cannot be shown: the name of its model, and its primary key."""

    kind: str
    key: str


def shown(row: Row, show: Callable[[Row], Shown]) -> Shown | BrokenRow:
    """What `show` makes of a row, or a BrokenRow if it raises; then the error's type and place are logged.

    The error's text is not: it may hold what the row holds. Raises what means that the database is away.
    """
    if isinstance(row, BrokenRow):
        return row
    try:
        return show(row)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (whatever is wrong with one row, the others are shown)
        broken = _broken(row)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        log.error(  # noqa: TRY400  (an exception's text is untrusted)
            "list.broken_row",
            row=broken.kind,
            key=broken.key,
            error=type(error).__name__,
            at=f"{frame.name}:{frame.lineno}",
        )
        return broken


def all_shown(rows: Iterable[Row], show: Callable[[Row], Shown]) -> list[Shown | BrokenRow]:
    """What `show` makes of each row, with a BrokenRow for each that it raises for."""
    return [shown(row, show) for row in rows]


def _broken(row: Any) -> BrokenRow:
    """The model and key of a row, of the first of several, or of the review that a row of a page has."""
    if isinstance(row, tuple | list) and row:
        row = row[0]
    if not isinstance(row, Model):
        row = getattr(row, "review", row)
    if isinstance(row, Model):
        return BrokenRow(str(row._meta.verbose_name), str(row.pk))
    return BrokenRow("row", "")
