"""`python -m tests.batches [MODE ...] [--orders N]`: run the campaign, print a table, write var/batches.json.

Exit code 0 when every order has ended exactly once in every mode, 3 when not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from local.postgres import Server
from tests.paths import ROOT

REPORT = ROOT / "var" / "batches.json"
ORDERS = {"executions": 10_000, "batches": 1_000, "map": 1_000}


def main() -> int:
    """Start a PostgreSQL of our own, get Django ready, run each mode on a database that is empty."""
    parser = argparse.ArgumentParser(prog="python -m tests.batches", description=__doc__)
    parser.add_argument("modes", nargs="*", help=f"of {', '.join(ORDERS)}; none: all of them")
    parser.add_argument("--orders", type=int, help="instead of 10,000, and 1,000 in the others")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hurried", action="store_true", help="cut leases of the killed short")
    parser.add_argument("--out", type=Path, default=REPORT)
    asked = parser.parse_args()
    if unknown := set(asked.modes) - set(ORDERS):
        parser.error(f"no mode {sorted(unknown)}")
    folder = ROOT / "var" / f"batches-{os.getpid()}"
    server = Server.start(folder / "postgres", durable=False)
    try:
        rows = _run(asked, server, folder)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(row["ok"] for row in rows) else 3


def _run(asked: argparse.Namespace, server: Server, folder: Path) -> list[dict[str, Any]]:
    os.environ["DATABASE_URL"] = server.url
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["LOG_LEVEL"] = "ERROR"
    import django  # noqa: PLC0415  (the settings need the server's address)

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from tests.batches import campaigns  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    rows = []
    for mode in asked.modes or ORDERS:
        place = folder / mode
        place.mkdir(parents=True)
        campaign = getattr(campaigns, mode)
        result = campaign(
            place, asked.orders or ORDERS[mode], seed=asked.seed, hurried=asked.hurried
        )
        rows.append(result.row())
        sys.stdout.write(_line(rows[-1]) + "\n")
        sys.stdout.flush()
        asked.out.parent.mkdir(exist_ok=True)
        asked.out.write_text(json.dumps(rows, indent=2, default=str) + "\n")
    return rows


def _line(row: dict[str, Any]) -> str:
    sums = ", ".join(f"{count} {name}" for name, count in row["sums"].items())
    said = "ok" if row["ok"] else "NOT OK: " + "; ".join(row["wrong"])
    figures = f"{row['kills']} kills  {row['seconds']:6.1f} s  {row['peak_mb']:4.0f} MB"
    return f"{row['mode']:<11}{row['orders']:>6} rows  {figures}  {sums}  {said}"


if __name__ == "__main__":
    sys.exit(main())
