"""A clone for demos of dummy processes, and the environment with which a database is seeded."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.local.supervisor.demos import Demo


@pytest.fixture
def demo(cluster: Path) -> Iterator[Demo]:
    """A clone in which a test starts demos; at the end nothing of them may be left."""
    root = Path(tempfile.mkdtemp())
    demo = Demo(root, cluster)
    yield demo
    demo.close()
    shutil.rmtree(root)


@pytest.fixture
def environment() -> dict[str, str]:
    """The demo's environment, on the database of this test."""
    address = "postgres://{user}@{host}:{port}/{dbname}"
    return os.environ | {
        "DATABASE_URL": address.format(**connection.get_connection_params()),
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "REVIEW_QUEUE_URL": "http://127.0.0.1:9/123456789012/manual-review",
    }
