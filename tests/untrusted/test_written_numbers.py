"""Numbers that remember how they were written are floats to everything else."""

from __future__ import annotations

import json

import pytest

from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import Unreadable
from approvals.untrusted.written_numbers import WrittenNumber


def test_a_number_keeps_its_text_and_is_written_as_the_float() -> None:
    number = WrittenNumber("12345678901234567.890")

    assert number.text == "12345678901234567.890"
    assert json.dumps({"a": number}) == json.dumps({"a": 12345678901234567.89})


def test_strict_json_makes_them_and_refuses_what_it_refuses_anyway() -> None:
    found = strict_json.read('[0.10, 1e2, 7, "0.10"]', number=WrittenNumber)

    assert [getattr(each, "text", None) for each in found] == ["0.10", "1e2", None, None]
    for text in ("[1e999]", f"[0.{'1' * 80}]"):
        with pytest.raises(Unreadable):
            strict_json.read(text, number=WrittenNumber)
