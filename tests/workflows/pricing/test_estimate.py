"""An estimate needs a definition that starts somewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from approvals.management.command import Error
from tests.workflows.linting.definitions import waits, workflow


def test_a_definition_that_starts_nowhere_is_reported_in_one_line(
    written: Callable[[dict[str, Any]], Path],
) -> None:
    body = workflow(Ask=waits()) | {"StartAt": "Nobody"}

    with pytest.raises(Error, match="starts at 'Nobody'"):
        call_command("price_workflow", str(written(body)), "--per-month", "9")
