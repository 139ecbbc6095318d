"""Rows that lists could not show: no test leaves one behind unless it asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from approvals import broken_rows


class _Log:
    """Keeps what is logged of broken rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def error(self, event: str, **values: Any) -> None:
        """Keep the values of an event."""
        self.rows.append({"event": event, **values})


@pytest.fixture(autouse=True)
def rows_found_broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The rows that this test found broken. A test that breaks rows clears the list."""
    log = _Log()
    monkeypatch.setattr(broken_rows, "log", log)
    yield log.rows
    assert log.rows == []
