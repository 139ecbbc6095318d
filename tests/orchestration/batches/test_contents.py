"""The contents of a batch's source: an object by its pinned version, a file only where it lies."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from approvals.arns import Place
from approvals.exceptions import Invalid
from approvals.gateways import s3
from approvals.models import OrderBatch
from approvals.orchestration.batches import contents, sources


def test_an_object_is_pinned_by_its_version_and_known_by_how_it_begins(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AWS_REGION = "eu-west-3"
    asked: list[tuple[Any, ...]] = []

    @contextmanager
    def opened(*about: Any) -> Iterator[io.BytesIO]:
        asked.append(about)
        yield io.BytesIO(b'{"order_id": 1}\n')

    monkeypatch.setattr(s3, "look", lambda *_: s3.Object("v-7", 16))
    monkeypatch.setattr(s3, "opened", opened)

    found = contents.of_object("s3://orders/2026/daily")

    assert found == sources.Source("s3://orders/2026/daily", "v-7", 16, "jsonl")
    assert asked == [(Place("eu-west-3"), "orders", "2026/daily", "v-7")]


def test_a_file_is_read_only_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id\n1\n")
    batch = OrderBatch(source="file:orders.csv")

    with contents.opened(batch, path) as stream:
        assert stream.read(99) == b"order_id\n1\n"
    with pytest.raises(Invalid, match="--resume"), contents.opened(batch, None):
        pass
