"""One campaign a mode: a file, the command killed twice, and whoever counts afterwards."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from approvals.models import BatchExecution, OrderBatch, OrderExecution, RefusedRow
from approvals.orchestration.batches import progress
from approvals.records import audit, audit_verification
from local import aws
from tests.batches import orders, process
from tests.batches.account import Deployed
from tests.batches.orders import Made
from tests.batches.process import Ran
from tests.fake_aws import spawned

MOST_MB = 200.0
CHAINS = 200  # trails that are verified; each is read whole
Kills = list[Callable[[], bool]]


@dataclass
class Result:
    """One line of the report."""

    mode: str
    orders: int
    kills: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    sums: dict[str, int] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "ok": not self.wrong}

    def expect(self, what: str, found: Any, wanted: Any) -> None:
        """Note what is not as it must be; of two sets or counts, what is in one of them alone."""
        if found == wanted:
            return
        if isinstance(found, set | Counter):
            found, wanted = found - wanted, wanted - found
        self.wrong.append(f"{what}: {str(found)[:300]}, not {str(wanted)[:300]}")


def executions(folder: Path, count: int, *, seed: int, hurried: bool = False) -> Result:
    """One execution an order, on the fake that logs every effect, over lost answers and throttles."""
    path = folder / "orders.json"
    made = orders.write(path, count, seed=seed, prefix="E-")
    result = Result("executions", count)
    with spawned(folder / "aws.jsonl", "--seed", str(seed), "--no-fsync") as (fake, _):
        fake.rates("StartExecution", lost_after=0.02, lost_before=0.01, throttled=0.02)
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": fake.endpoint,
            "ORDER_FULFILLMENT_STATE_MACHINE_ARN": fake.machine("orders"),
        }
        kills = [_started(count // 4), _started(count // 2)]
        ran = process.run([str(path)], environment, kills, _rush if hurried else None)
        effects = Counter(line["execution"] for line in fake.log.effects("ExecutionStarted"))
        result.notes = {"faults": fake.fired().get("StartExecution", {})}
    names = Counter({arn.rpartition(":")[2]: times for arn, times in effects.items()})
    result.expect("executions", names, Counter({f"order-{one}": 1 for one in made.orders}))
    _judge(result, ran, made)
    result.expect("own executions", result.sums.get("executions"), len(made.orders))
    return result


def batches(folder: Path, count: int, *, seed: int, hurried: bool = False) -> Result:
    """A hundred orders an execution, from JSON lines in S3; killed while it reads and while they run."""
    kills = [_read(count // 4), _settled(count // 3)]
    return _carried("batches", folder / "orders.jsonl", count, seed, kills, hurried=hurried)


def map(folder: Path, count: int, *, seed: int, hurried: bool = False) -> Result:  # noqa: A001
    """A Distributed Map over one JSON object; killed while it reads and once the map has started."""
    kills = [_read(0), _running]
    return _carried("map", folder / "orders.json", count, seed, kills, hurried=hurried)


def _carried(
    mode: str, path: Path, count: int, seed: int, kills: Kills, *, hurried: bool
) -> Result:
    made = orders.write(path, count, seed=seed, prefix=f"{mode[0].upper()}-")
    result = Result(mode, count)
    account = aws.start()
    try:
        deployed = Deployed(account, f"{mode}-")
        deployed.put(path)
        environment = {**os.environ, **deployed.environment}
        arguments = [deployed.url(path), "--mode", mode]
        ran = process.run(arguments, environment, kills, _rush if hurried else None)
        _judge(result, ran, made)
        batch = UUID(ran.batch) if ran.batch else None
        own = {
            order.order_id
            for order in OrderExecution.objects.filter(batch_id=batch)
            if order.execution_arn
        }
        settled = set(
            OrderExecution.objects.filter(batch_id=batch, status="settled").values_list(
                "order_id", flat=True
            )
        )
        result.expect("executions in the account", deployed.started(), Counter(own))
        # On a machine so slow that a function runs out of time, plain orders are held as well.
        result.expect("settled though held", settled & made.held, set())
        result.expect("settled or by itself", settled | own, made.orders)
        result.expect("settled and by itself", settled & own, set())
        result.expect("shipped", deployed.shipped() & settled, settled)
        result.expect("charged", deployed.charged(settled), Counter(settled))
        result.notes = {
            "carriers": BatchExecution.objects.filter(batch_id=batch).count(),
            "held": len(made.held),
            "transitions": deployed.transitions(mode),
        }
    finally:
        account.stop()
    return result


def _judge(result: Result, ran: Ran, made: Made) -> None:
    """What holds in every mode: one row and one end an order, sums that agree, whole trails, little memory."""
    result.kills, result.seconds, result.peak_mb = ran.kills, ran.seconds, ran.peak_mb
    result.expect("kills", ran.kills, 2)
    result.expect("exit code", ran.code, 3 if made.bad_lines else 0)
    batch = OrderBatch.objects.filter(pk=ran.batch or None).first()
    if batch is None:
        result.wrong.append(f"no batch: {ran.errors[-2000:]}")
        return
    result.expect("status", batch.status, "finished")
    result.sums = progress.totals(batch, progress.by_status(batch))
    said = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", ran.said, re.MULTILINE)}
    result.expect("the command's report", said, result.sums)
    ends = sum(count for name, count in result.sums.items() if name != "read")
    result.expect("the sum of all ends", ends, result.sums["read"])
    result.expect("rows read", result.sums["read"], result.orders)
    result.expect("rows known", result.sums["known"], made.counts["known"])
    refused = set(RefusedRow.objects.filter(batch=batch).values_list("line", flat=True))
    result.expect("refused lines", refused, made.bad_lines)
    ids = Counter(OrderExecution.objects.filter(batch=batch).values_list("order_id", flat=True))
    result.expect("orders", ids, Counter(made.orders))
    endless = batch.orders.filter(execution_arn="").exclude(status="settled")
    result.expect("orders without an end", endless.count(), 0)
    some = batch.orders.order_by("?").values_list("pk", flat=True)[:CHAINS]
    chains = [audit.chain_of("batch", batch.pk), *(audit.chain_of("order", pk) for pk in some)]
    result.expect(
        "breaches of trails", [b for chain in chains for b in audit_verification.verify(chain)], []
    )
    if result.peak_mb > MOST_MB:
        result.wrong.append(f"{result.peak_mb:.0f} MB of memory")
    if result.wrong:
        result.notes["stderr"] = ran.errors[-1500:]


# --- when to kill


def _asked(question: Callable[[], bool]) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            return question()
        finally:
            connection.close()

    return ask


def _started(count: int) -> Callable[[], bool]:
    """As soon as more orders than this have their execution."""
    mine = OrderExecution.objects.exclude(execution_arn="")
    return _asked(mine.all()[count : count + 1].exists)


def _read(count: int) -> Callable[[], bool]:
    """As soon as more rows than this are read."""
    mine = OrderBatch.objects.filter(position__gt=count)
    return _asked(lambda: mine.all().exists())


def _settled(count: int) -> Callable[[], bool]:
    """As soon as more orders than this are settled."""
    mine = OrderExecution.objects.filter(status="settled")
    return _asked(mine.all()[count : count + 1].exists)


_running = _asked(lambda: BatchExecution.objects.exclude(execution_arn="").exists())


def _rush() -> None:
    """For a run that has no time: leases of the killed end now, by moving rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_outboxentry SET lease_until = now() WHERE state = 'sending'"
        )
        cursor.execute("UPDATE approvals_orderbatch SET lease_until = NULL")
        cursor.execute(
            "UPDATE approvals_executionsnapshot SET due_at = now() WHERE due_at IS NOT NULL"
        )
    connection.close()
