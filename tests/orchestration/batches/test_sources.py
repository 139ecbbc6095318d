"""The sources of batches: each is pinned by its version, and no other content is read under its name."""

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
from approvals.orchestration.batches import sources


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

    found = sources.of_object("s3://orders/2026/daily")

    assert found == sources.Source("s3://orders/2026/daily", "v-7", 16, "jsonl")
    assert asked == [(Place("eu-west-3"), "orders", "2026/daily", "v-7")]


@pytest.mark.parametrize(
    "url",
    [
        "", "orders/a", "http://orders/a", "s3://orders", "s3://orders/", "s3://Orders/a", "s3://o/a",
        "s3://orders/a\n", "s3://orders/\u202ea", "s3://orders/" + "é" * 513,
    ],
)  # fmt: skip
def test_what_is_no_address_of_an_object_is_invalid(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        sources.unseen(url)

    assert refused.value.extra == {"pointer": "/source"}


def test_an_object_that_a_worker_describes_later_has_no_version_yet() -> None:
    assert sources.unseen("s3://orders/a.json").version == ""
    assert sources.split("s3://orders/" + "é" * 512) == ("orders", "é" * 512)


def test_a_file_and_a_body_are_pinned_by_their_digest(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id\n1\n")

    file, body = sources.of_file(path), sources.of_body('["é"]')
    path.write_text("order_id\n2\n")

    assert (file.name, file.size, file.form) == ("file:orders.csv", 11, "csv")
    assert (body.name, body.size, body.form) == ("api", 6, "json")
    assert file.version != sources.of_file(path).version
    assert body.version == sources.of_body('["é"]').version != sources.of_body('["e"]').version


def test_a_file_is_read_only_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id\n1\n")
    batch = OrderBatch(source="file:orders.csv")

    with sources.opened(batch, path) as stream:
        assert stream.read(99) == b"order_id\n1\n"
    with pytest.raises(Invalid, match="--resume"), sources.opened(batch, None):
        pass
