"""One fresh PostgreSQL cluster for all tests that start a server of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.local.clusters import fresh_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A cluster to copy, never to start; the workers of one run share it."""
    own = tmp_path_factory.getbasetemp()
    return fresh_cluster(own if worker_id == "master" else own.parent)
