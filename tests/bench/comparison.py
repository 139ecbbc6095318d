"""The databases of floor and peer, filled by programs of their own with their own settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench.harness import SIZES, Bench
from tests.paths import ROOT

OPEN_AT_LEAST = 5_000  # enough decisions for every run


@dataclass
class Other:
    """The database of a floor or of the peer, its tokens, and ids of rows that wait for a decision."""

    url: str
    tokens: list[str]
    waiting: list[int]

    def take(self, count: int) -> list[int]:
        """So many ids that were not taken before."""
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


def floor(bench: Bench) -> Other:
    """The floor's database with SIZE rows, filled once in a run."""
    if "floor" not in bench.others:
        url, _ = _filled(bench, "floor")
        ids = _ids(url, "SELECT id FROM floor_item WHERE status = 'pending'")
        bench.others["floor"] = Other(url, [], ids)
    found: Other = bench.others["floor"]
    return found


def peer(bench: Bench) -> Other:
    """The peer's database with SIZE processes."""
    url, told = _filled(bench, "peer")
    query = "SELECT id FROM viewflow_task WHERE status = 'NEW' AND flow_task_type = 'HUMAN'"
    return Other(url, json.loads(told), _ids(url, query))


def _filled(bench: Bench, name: str) -> tuple[str, Any]:
    url, size = bench.create_database(name), SIZES[bench.size]
    pending = max(OPEN_AT_LEAST, size // 10)
    settings = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": f"tests.bench.{name}.settings"}
    ran = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{name}.fill", str(size), str(pending)],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        check=True,
    )
    return url, ran.stdout


def _ids(url: str, query: str) -> list[int]:
    with psycopg.connect(url) as database:
        return [pk for (pk,) in database.execute(f"{query} ORDER BY id LIMIT 20000")]
