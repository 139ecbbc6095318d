"""A value is written on one line and reads as it was, whatever its numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.untrusted import json_text


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, True, None, "ü\n"], "b": {}},
        {"more than 64 bits": [2**64, -(2**70)]},
        [[[]]] * 3,
    ],
    ids=repr,
)
def test_a_value_is_written_without_blanks_and_reads_as_it_was(value: Any) -> None:
    written = json_text.on_one_line(value)

    assert json.loads(written) == value
    assert written == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
