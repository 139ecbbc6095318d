"""`python -m tests.abuse [ATTACK ...] [--scale 0.05] [--seed N]`: attack the running service, print a table.

Exit code 0 when every attack is green, 3 when one is not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.postgres import Server
from tests.abuse.campaign import by_graph, by_message, on_web, report, service, timing
from tests.abuse.campaign.attack import Attack, page, wait
from tests.abuse.campaign.service import Service
from tests.abuse.campaign.timing import Honest
from tests.bench.machine import Moment
from tests.paths import ROOT, commit

REPORT = ROOT / "var" / "abuse.json"
ATTACKS: dict[str, Callable[[Service, float, int], Attack]] = {
    "slow-sockets": on_web.hold_sockets,
    "orders": on_web.post_orders,
    "passwords": on_web.guess_passwords,
    "webhooks": on_web.forge_webhooks,
    "schemas": on_web.break_schemas,
    "bodies": on_web.send_bodies,
    "heads": on_web.bend_heads,
    "regions": by_message.name_regions,
    "forged-tokens": by_message.forge_tokens,
    "corpus": by_message.send_corpus,
    "cursors": on_web.bend_cursors,
    "backslashes": by_message.open_backslashes,
    "megabytes": by_message.fill_with_megabytes,
    "small-bombs": by_message.send_small_bombs,
    "graphs": by_graph.open_graphs,
    "one-execution": by_message.repeat_one_execution,
}
QUIET, BETWEEN = 90.0, 15.0  # seconds at scale 1: before the first attack, and after each
WARM, SLOWER = 4, 10.0  # deliveries; of the slowest of some quiet pages
EVERY = 1.0  # seconds from one honest round to the next
ATTACKER = (
    10  # niceness: the attacker's computing is that of another machine, the service's own is not
)
JUDGED_BY_TIME = 0.5  # scale from which the p99 means anything


def main() -> int:
    """Start PostgreSQL and the service, and run the attacks one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.abuse", description=__doc__)
    parser.add_argument("attacks", nargs="*", help=f"of {', '.join(ATTACKS)}; none: all of them")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a release's figures")
    parser.add_argument("--seed", type=int, default=None, help="repeat another run")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--keep", action="store_true", help="leave the logs in var/")
    asked = parser.parse_args()
    if unknown := set(asked.attacks) - set(ATTACKS):
        parser.error(f"no attack {sorted(unknown)}: choose from {list(ATTACKS)}")
    if asked.seed is None:
        asked.seed = random.SystemRandom().randrange(10**6)
    folder = ROOT / "var" / f"abuse-{os.getpid()}"
    folder.mkdir(parents=True)
    postgres = Server.start(folder / "postgres", durable=False)
    try:
        rows = _run(asked, postgres, folder)
    finally:
        postgres.stop()
        shutil.rmtree(folder / "postgres" if asked.keep else folder, ignore_errors=True)
    return 0 if all(row["ok"] for row in rows) else 3


def _run(asked: argparse.Namespace, postgres: Server, folder: Path) -> list[dict[str, Any]]:
    scale, seed = asked.scale, asked.seed
    run = {
        "scale": scale,
        "seed": seed,
        "commit": commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    sys.stdout.write(f"seed {seed}, scale {scale}\n")
    beat = 30 if scale >= 1 else 15
    with service.running(folder, postgres, seed, beat) as running:
        honest = Honest.begin(running, EVERY if scale >= JUDGED_BY_TIME else EVERY / 2)
        os.nice(ATTACKER)
        try:
            _warm(running)
            honest.quiet(max(4.0, QUIET * scale))
            running.memory.enforce()
            done = [_attack(running, honest, name, asked) for name in asked.attacks or ATTACKS]
            honest.end()
        finally:
            honest.stop()
        rows = []
        for attack, peaks in done:
            times = timing.slower(honest, attack.name)
            if scale >= JUDGED_BY_TIME:
                report.judge_times(attack, times)
            rows.append(report.row(attack, times, peaks, **run))
        rows.append(report.row(_judge_honest(running, honest), {}, running.memory.peaks, **run))
    for row in rows:
        sys.stdout.write(report.summary(row) + "\n")
    sys.stdout.write(report.table(rows) + "\n")
    report.write(rows, asked.out)
    return rows


def _warm(running: Service) -> None:
    """Let the honest ones go round a few times, and find out how soon the machine answers as it is."""
    settled = "SELECT count(*) FROM approvals_outboxentry WHERE state = 'settled'"
    assert wait(lambda: running.count(settled) >= WARM, 180), "nothing is delivered"
    paths = ("/", "/queues/honest/", "/queues/attacked/")
    looks = [page(running, "rita", path).seconds for _ in range(4) for path in paths]
    running.patience = max(running.patience, SLOWER * max(looks[len(paths) :]))


def _attack(
    running: Service, honest: Honest, name: str, asked: argparse.Namespace
) -> tuple[Attack, dict[str, float]]:
    """Run an attack while the honest ones work; the MiB are the peaks until its end."""
    began, moment = time.monotonic(), Moment.now()
    with honest.window(name):
        attack = ATTACKS[name](running, asked.scale, asked.seed)
    attack.name, attack.seconds = name, time.monotonic() - began
    attack.notes["of the machine, others"] = f"{moment.others_share():.0%}"
    report.judge_processes(attack, running)
    sys.stdout.write(f"{name}: {attack.seconds:.0f} s\n")
    sys.stdout.flush()
    honest.quiet(max(1.0, BETWEEN * asked.scale))
    return attack, dict(running.memory.peaks)


def _judge_honest(running: Service, honest: Honest) -> Attack:
    """The last row: all that the honest ones did, from the first second to the last."""
    counts, breaches = timing.ends(honest)
    attack = Attack(
        "honest", planned=max(1, counts["orders"]), happened=counts["orders"], breaches=breaches
    )
    attack.notes = {
        **counts,
        "peaks of Pss in MiB": {n: round(p) for n, p in running.memory.pss.items()},
    }
    attack.notes["quiet p99"] = {
        whose: f"{timing.p99(honest.waits(whose, 'quiet')):.3f} s" for whose in timing.JUDGED
    }
    report.judge_processes(attack, running)
    return attack


if __name__ == "__main__":
    sys.exit(main())
