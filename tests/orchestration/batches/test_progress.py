"""The progress of a batch: its rows by what became of them, and the share that is done."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals.actions import batches
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.orchestration.batches import progress
from approvals.worker import periodic
from tests.order_batches import accepted, mapped, order, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_how_far_a_map_is_shows_before_its_orders_have_an_end(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    batch = mapped(monkeypatch, settings, {})
    monkeypatch.setattr(stepfunctions, "map_run_progress", lambda *_: 4)

    periodic.watch_batch_executions()

    batch.refresh_from_db()
    share, summary = progress.progress(batch, progress.by_status(batch))
    assert (share, summary) == (0.9, "6 read, 1 refused, 5 under way, 4 done by the map")


def test_each_row_is_counted_once_and_reading_is_half_of_the_work() -> None:
    batch = accepted([order(n) for n in range(1, 4)] + ["bad"])
    assert progress.progress(batch, {}) == (0.0, "nothing read yet")

    read(batch)
    counts = progress.by_status(batch)
    assert progress.totals(batch, counts) == {
        "read": 4, "settled": 0, "executions": 0, "refused": 1, "known": 0, "under_way": 3,
    }  # fmt: skip
    assert progress.progress(batch, counts) == (0.5, "4 read, 1 refused, 3 under way")

    lanes.drain("executions")
    assert progress.progress(batch, progress.by_status(batch))[0] == 0.99, "it is not finished yet"
    assert batches.finish(batch.pk)
    batch.refresh_from_db()
    share, summary = progress.progress(batch, progress.by_status(batch))
    assert (share, summary) == (1.0, "4 read, 3 own executions, 1 refused")
