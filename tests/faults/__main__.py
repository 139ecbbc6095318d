"""`python -m tests.faults [CAMPAIGN ...] [--scale 0.05] [--seed N]`: run campaigns, print a table.

Exit code 0 when every campaign is green, 3 when one is not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from local.postgres import Server
from tests.paths import ROOT, commit

REPORT = ROOT / "var" / "faults.json"
SMALL, WORKERS_IF_SMALL = 0.05, 2  # small campaigns mostly wait: two at a time


def main() -> int:
    """Start a PostgreSQL, get Django ready once, and run each campaign in a child of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("campaigns", nargs="*", help="none: all of them")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a release's figures")
    parser.add_argument("--seed", type=int, default=None, help="repeat the faults of another run")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--only", nargs="*", help="of line-kills and sabotage: these rows alone")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    folder = ROOT / "var" / f"faults-{os.getpid()}"
    server = _server(folder / "postgres")
    try:
        rows = _run(options, seed, folder)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(row["ok"] for row in rows) else 3


def _server(data: Path) -> Server:
    """A server of our own that notes when transactions commit, so that orders can be proved."""
    server = Server.start(data, durable=False)
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write("track_commit_timestamp = on\n")
    server.stop()
    server = Server.start(data, durable=False)
    os.environ["DATABASE_URL"] = server.url
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ.setdefault("LOG_LEVEL", "CRITICAL")
    for name in [name for name in os.environ if name.startswith(("COVERAGE", "COV_"))]:
        del os.environ[name]  # a killed child measures nothing, and tracing is ours here
    return server


def _run(options: argparse.Namespace, seed: int, folder: Path) -> list[dict[str, Any]]:
    import django  # noqa: PLC0415  (the settings need the server's address)

    django.setup()
    from tests.faults import campaigns, report, stage  # noqa: PLC0415

    wanted = options.campaigns or list(campaigns.CAMPAIGNS)
    if unknown := set(wanted) - set(campaigns.CAMPAIGNS):
        sys.exit(f"no campaign {sorted(unknown)}: choose from {list(campaigns.CAMPAIGNS)}")
    stage.make_template()
    shared = {"scale": options.scale, "seed": seed, "commit": commit(), "at": _now()}
    rows: list[dict[str, Any]] = []
    sys.stdout.write(f"seed {seed}, scale {options.scale}\n")
    jobs = [
        partial(campaigns.run, name, options.scale, seed, folder, options.only) for name in wanted
    ]
    # The figures of a release are measured one campaign at a time.
    workers = WORKERS_IF_SMALL if options.scale < SMALL else 1
    for result in stage.apart_together(jobs, workers=workers):
        rows.append(result.row(**shared))
        sys.stdout.write(report.summary(result) + "\n")
        sys.stdout.flush()
        report.write(rows, options.out)
    sys.stdout.write(report.table(rows) + "\n")
    plain: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
    return plain


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
