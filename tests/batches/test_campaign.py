"""The part of the campaign that runs with `make test-campaigns`: 200 orders, our process killed twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT


@pytest.mark.campaign
def test_every_order_ends_exactly_once_though_our_process_is_killed_twice(tmp_path: Path) -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "DATABASE_URL"))}
    report = tmp_path / "batches.json"

    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.batches", "executions"),
            *("--orders", "200", "--hurried", "--out", str(report)),
        ],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    (row,) = json.loads(report.read_text())
    assert (row["ok"], row["kills"], row["sums"]["read"]) == (True, 2, 200)
