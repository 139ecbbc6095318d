"""The lines of a file: the end of the first one is that of all, and they are numbered in blocks of any size."""

from __future__ import annotations

import io

import pytest

from approvals.orchestration.batches import lines
from approvals.untrusted.strict_json import MAX_BYTES


@pytest.mark.parametrize("block", [1, 2, 3, 65_536])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"a\nb\n\nc", [b"a", b"b", b"", b"c"]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),
        (b"a\rb\r\rc\r", [b"a", b"b", b"", b"c"]),
        (b"a\rb", [b"a", b"b"]),
        (b"a\nb\rc\n", [b"a", b"b\rc"]),
        (b"a\r", [b"a"]),
        (b"", []),
    ],
)
def test_the_first_line_end_is_that_of_the_file(
    text: bytes, found: list[bytes], block: int
) -> None:
    assert list(lines.of(io.BytesIO(text), block)) == list(enumerate(found, 1))


def test_a_line_too_long_to_be_held_has_a_number_and_no_text() -> None:
    text = b"a\n" + b"x" * (MAX_BYTES + 1) + b"\nb"

    assert list(lines.of(io.BytesIO(text))) == [(1, b"a"), (2, None), (3, b"b")]
