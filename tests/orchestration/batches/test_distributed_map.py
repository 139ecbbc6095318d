"""Distributed Maps: the object that a map reads, its start, and what is carried by another."""

from __future__ import annotations

import json

import pytest
from pytest_django import Settings

from approvals.actions import batches as verbs
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.gateways import s3
from approvals.orchestration.batches import runner
from tests.order_batches import accepted, mapped, order, read, sums
from tests.starts import Starts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_a_map_reads_what_was_accepted_at_a_pinned_version(
    starts: Starts, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    files: dict[str, bytes] = {}
    batch = mapped(monkeypatch, settings, files)

    (key, written), ((_, name, text),) = files.popitem(), starts.started
    assert [one["item"] for one in json.loads(written)] == [1, 2, 3, 4, 5]
    assert name == f"batch-{batch.pk}-1"
    assert json.loads(text)["source"] == {"bucket": "daily-orders", "key": key, "version": "v-1"}


def test_a_map_that_is_stopped_on_carries_what_was_read_and_another_what_follows(
    starts: Starts, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    mapped(monkeypatch, settings, {})
    rows = [order(11), order(12), "bad", order(13)]
    batch = read(accepted(rows, "map", on_bad_row="stop"))
    assert (batch.status, batch.carriers) == ("stopped", 1)
    assert runner.Scheduler().turn() == 0

    verbs.resume(batch.pk, on_bad_row="skip", by=COMMAND_LINE)
    read(batch)
    lanes.drain("executions")

    assert list(batch.executions.order_by("number").values_list("orders", flat=True)) == [2, 1]
    assert [name for _, name, _ in starts.started[1:]] == [f"batch-{batch.pk}-{n}" for n in (1, 2)]
    keys = {json.loads(text)["source"]["key"] for _, _, text in starts.started[1:]}
    assert len(keys) == 2


def test_a_bucket_without_versions_is_tried_again_and_stops_no_other_batch(
    starts: Starts, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    mapped(monkeypatch, settings, {})
    monkeypatch.setattr(s3, "write", lambda *_: "")
    stuck, other = accepted([order(21)], "map"), accepted([order(22)])
    scheduler = runner.Scheduler()

    for _ in range(3):
        scheduler.turn()

    assert (sums(stuck), sums(other)) == ({"read": 1, "under_way": 1},) * 2
    assert "keeps no versions" in stuck.problem
    assert other.problem == ""
    monkeypatch.setattr(s3, "write", lambda *_: "v-2")
    monkeypatch.setattr(runner, "SOURCE_PAUSE", 0.0)
    runner.Scheduler().turn()
    lanes.drain("executions")
    assert f"batch-{stuck.pk}-1" in {name for _, name, _ in starts.started}
    stuck.refresh_from_db()
    assert stuck.problem == ""


def test_an_object_for_a_map_that_s3_refuses_stands_on_the_batch_with_what_to_do(
    starts: Starts, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    mapped(monkeypatch, settings, {})

    def refused(*_: object) -> str:
        raise s3.NotAllowedHere("s3://daily-orders/x may not be read or written by us: 403.")

    monkeypatch.setattr(s3, "write", refused)
    stuck = read(accepted([order(21)], "map"))

    assert stuck.problem.startswith("s3://daily-orders/x may not be read or written by us: 403.")
    assert "s3:PutObject" in stuck.problem


def test_a_map_of_no_orders_is_none(
    starts: Starts, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    first = mapped(monkeypatch, settings, {})
    again = read(accepted([order(n) for n in range(1, 6)], "map"))

    assert sums(again) == {"read": 5, "known": 5}
    assert verbs.finish(again.pk)
    assert len(starts.started) == 1
    assert first.executions.count() == 1
