"""Batches of orders in tests: accepted from a body, read to their end, and what became of their rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django import Settings

from approvals.actors import COMMAND_LINE
from approvals.arns import Place
from approvals.delivery import lanes
from approvals.exceptions import Unavailable
from approvals.gateways import s3
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OrderBatch
from approvals.orchestration.batches import acceptance, progress, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner
from approvals.reconciliation.batch_executions import read_end
from tests.starts import REGION


def accepted(rows: list[Any], mode: str = "executions", **options: Any) -> OrderBatch:
    """A batch of these rows, a line each; texts stand as they are."""
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    body = "[" + ",\n".join(texts) + "]"
    return acceptance.accept(
        sources.of_body(body), BatchOptions(mode, **options), body=body, by=COMMAND_LINE
    )


def read(batch: OrderBatch) -> OrderBatch:
    """Read it to its end."""
    reader = Runner(batch.pk)
    while reader.turn():
        pass
    reader.close()
    batch.refresh_from_db()
    return batch


def order(number: int, **more: Any) -> dict[str, Any]:
    """The order `A-<number>`."""
    return {"order_id": f"A-{number}", "total": number, **more}


def sums(batch: OrderBatch) -> dict[str, int]:
    """How many of its rows came to which end, the zeros left out."""
    batch.refresh_from_db()
    totals = progress.totals(batch, progress.by_status(batch))
    assert totals["read"] == sum(count for name, count in totals.items() if name != "read")
    return {name: count for name, count in totals.items() if count}


def output(settled: list[int], **started: str) -> str:
    """The output of a batch execution: held items by their number, as `_3=arn`."""
    held = [{"item": int(name[1:]), "error": "FraudSuspected"} for name in started]
    arns = [{"arn": arn or None} for arn in started.values()]
    return json.dumps({"settled": settled, "held": held, "started": arns})


def ended(execution: BatchExecution, text: str, status: str = "succeeded") -> bool:
    """Let reconciliation read the end of a batch execution with this output."""
    return read_end(Execution(execution.execution_arn, status, b"", output=text))


def mapped(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, files: dict[str, bytes]
) -> OrderBatch:
    """A batch whose Distributed Map has started, and a bucket of `files`, which what is written joins."""

    @contextmanager
    def opened(_place: Place, _bucket: str, key: str, _version: str = "") -> Iterator[io.BytesIO]:
        if key not in files:
            raise Unavailable
        yield io.BytesIO(files[key])

    def write(_place: Place, _bucket: str, key: str, blocks: Iterator[bytes]) -> str:
        files[key] = b"".join(blocks)
        return "v-1"

    monkeypatch.setattr(s3, "opened", opened)
    monkeypatch.setattr(s3, "write", write)
    settings.DAILY_ORDERS_STATE_MACHINE_ARN = f"{REGION}:stateMachine:daily-orders"
    settings.ORDER_BUCKETS = ["daily-orders"]
    batch = read(accepted([order(n) for n in range(1, 6)] + ["bad"], "map"))
    lanes.drain("executions")
    return batch
