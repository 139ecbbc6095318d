"""Coverage of processes that a test starts in a bare environment."""

from __future__ import annotations

import os


def measured() -> dict[str, str]:
    """The environment variables with which a child process is measured; none without coverage."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
