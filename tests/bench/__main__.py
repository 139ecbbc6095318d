"""`python -m tests.bench [GROUP ...] [--size 100k] [--runs 3]`: measure, print a table, write var/bench.json.

Exit code 0 if each row was measured, 3 if one could not be; a missed goal is no error.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from local.postgres import Server
from tests.bench import harness, rows
from tests.bench.machine import Moment
from tests.paths import ROOT

REPORT = ROOT / "var" / "bench.json"


def main() -> int:
    """Start PostgreSQL with fsync, get Django ready, and measure group by group."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", help="only these groups of rows; none: all of them")
    parser.add_argument("--size", choices=harness.SIZES, default="100k", help="how many reviews")
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs, of which the median")
    parser.add_argument("--out", type=Path, default=REPORT)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of `finally`
    folder = ROOT / "var" / f"bench-{os.getpid()}"
    server = Server.start(folder / "postgres", durable=True)
    try:
        found = _run(asked, server, folder)
    except LookupError as error:
        parser.error(str(error))
    finally:
        server.stop()
        shutil.rmtree(server.data, ignore_errors=True)
    if any(row["value"] is None for row in found):
        return 3
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _run(asked: argparse.Namespace, server: Server, folder: Path) -> list[dict[str, Any]]:
    harness.django_ready(server.url)
    from tests.bench import groups, population  # noqa: PLC0415  (they need Django)

    chosen = groups.chosen(asked.groups)
    bench = harness.Bench(asked.size, asked.runs, folder, server, population.seeded)
    found: list[dict[str, Any]] = []
    _say(f"SIZE={asked.size} RUNS={asked.runs}, logs in {folder.relative_to(ROOT)}\n{rows.HEADER}")
    try:
        for group in chosen:
            for row in _measured(bench, group):
                _say(rows.line(row))
                found.append(row)
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(json.dumps(found, indent=2) + "\n")
    finally:
        bench.close()
    return found


def _measured(bench: harness.Bench, group: rows.Group) -> list[dict[str, Any]]:
    """The rows of a group; if it fails, each says why in the place of a number."""
    began, clock, why = Moment.now(), time.monotonic(), ""
    measured: dict[str, rows.Measured] = {}
    try:
        measured = group.run(bench)
    except Exception as error:  # noqa: BLE001  (the other groups are measured all the same)
        why = f"{type(error).__name__}: {str(error)[:200]}"
        _say(f"  {group.name}: {why}")
    _say(f"  {group.name}: {time.monotonic() - clock:.0f} s")
    others = began.others_share()
    return [rows.report(spec, measured.get(spec.name), why, others) for spec in group.specs]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
