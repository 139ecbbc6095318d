"""How a process that a test starts in a bare environment is still measured by `make test`."""

from __future__ import annotations

import os


def measured() -> dict[str, str]:
    """The variables by which coverage reaches into a child; none where nothing is measured."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
