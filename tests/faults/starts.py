"""Executions: the same orders are started repeatedly, by processes that are killed, with lost replies."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import OrderConflict
from approvals.models import OutboxEntry
from approvals.orchestration import fulfillment
from approvals.worker import loop
from tests.faults.report import Result
from tests.faults.stage import Stage, due_now, forked, hurry
from tests.faults.truth import Breach

ORDERS, TRIES, WORKERS = 200, 3, 4
KILL_EVERY = 0.25  # seconds
PATIENCE = 300.0
RATES = {"lost_after": 0.2, "lost_before": 0.1, "throttled": 0.1, "server_error_after_apply": 0.05}


def campaign(stage: Stage, scale: float) -> Result:
    """200 orders at scale 1, three tries each, on four processes of which one is killed every 250 ms."""
    count = max(8, round(ORDERS * scale))
    stage.aws.rates("StartExecution", **RATES)
    tries = [number for number in range(count) for _ in range(TRIES)]
    stage.rng.shuffle(tries)
    shares = [tries[worker::WORKERS] for worker in range(WORKERS)]
    kills = _worked_off(stage, shares)
    for _ in range(200):
        hurry()
        if not due_now():
            break
        loop.sweep_once()
    stage.aws.rates("StartExecution")
    result = Result("executions", planned=count * TRIES)
    result.fired = len(tries)
    result.breaches = stage.judge()
    started = Counter(line["execution"] for line in stage.aws.log.effects("ExecutionStarted"))
    ours = {arn: n for arn, n in started.items() if arn.startswith(_executions(stage))}
    if len(ours) != count or set(ours.values()) != {1}:
        sort = "doubled" if sum(ours.values()) > count else "lost"
        what = f"{sum(ours.values())} executions of {count} orders"
        result.breaches.append(Breach("I-15", what, sort))
    faults = stage.aws.fired().get("StartExecution", {})
    if count >= 50 and len(faults) < len(RATES):
        result.breaches.append(Breach("harness", f"of {list(RATES)} only {faults} happened"))
    result.notes = {"orders": count, "executions": len(ours), "kills": kills, "faults": faults}
    return result


def _executions(stage: Stage) -> str:
    return stage.orders.replace(":stateMachine:", ":execution:") + ":"


def _worked_off(stage: Stage, shares: list[list[int]]) -> int:
    """Let a process work off each share, and kill one now and then; returns how many were killed."""
    ledgers = [_ledger(stage, number) for number in range(len(shares))]

    def begin(number: int) -> int:
        return forked(
            lambda: _work(shares[number], ledgers[number]), log=stage.folder / "workers.log"
        )

    workers = {begin(number): number for number in range(len(shares))}
    kills, kill_at, until = 0, time.monotonic() + KILL_EVERY, time.monotonic() + PATIENCE
    while workers and time.monotonic() < until:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        number = workers.pop(pid, None)
        if number is not None and len(ledgers[number].read_text()) < len(shares[number]):
            workers[begin(number)] = number
        if workers and time.monotonic() > kill_at:
            os.kill(stage.rng.choice(list(workers)), signal.SIGKILL)
            kills, kill_at = kills + 1, time.monotonic() + KILL_EVERY
        time.sleep(0.01)
    assert not workers, (stage.folder / "workers.log").read_text()[-2000:]
    return kills


def _ledger(stage: Stage, number: int) -> Path:
    ledger = stage.folder / f"share-{number}"
    ledger.write_text("")
    return ledger


def _work(share: list[int], ledger: Path) -> None:
    """Ask for each order of the share and try to start it; what was done is noted, one byte a try."""
    done = len(ledger.read_text())
    with ledger.open("a") as notes:
        for number in share[done:]:
            _try(number)
            notes.write(".")
            notes.flush()


def _try(number: int) -> Any:
    order = {"order_id": f"E-{number}", "total": number}
    try:
        row, _ = fulfillment.start_order_fulfillment(order, by=COMMAND_LINE)
    except OrderConflict:
        raise AssertionError("the same order was called another one") from None
    entry = OutboxEntry.objects.get(kind="start", subject=row.pk)
    return lanes.deliver(entry.pk)
