"""The sources of batches: each is pinned by its version, and no other content is read under its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from approvals.exceptions import Invalid
from approvals.orchestration.batches import sources


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
