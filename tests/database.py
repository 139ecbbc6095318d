"""A pytest plugin: without a DATABASE_URL, it starts a PostgreSQL for this run.

Loaded with `-p`, so that it comes before pytest-django reads the settings.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from local.postgres import Server


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Start the server before the settings are read; xdist's workers inherit its URL."""
    if "DATABASE_URL" not in os.environ:
        data = Path("var").resolve() / f"test-postgres-{os.getpid()}"
        server = Server.start(data, durable=False)
        os.environ["DATABASE_URL"] = server.url

        def leave() -> None:
            server.stop()
            shutil.rmtree(data, ignore_errors=True)

        early_config.add_cleanup(leave)
    return (yield)
