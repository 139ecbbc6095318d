"""A JSON array of any length is cut into its elements as it is read."""

from __future__ import annotations

import io
import json

import pytest

from approvals.untrusted.json_stream import Broken, elements


def test_an_endless_array_is_cut_as_it_comes() -> None:
    class Endless:
        """An array that is written as it is read."""

        given = 0

        def read(self, size: int = 0, /) -> bytes:
            self.given += 1
            return b"[1" if self.given == 1 else b"," + b'{"order_id": 1},' * 500 + b"2"

    stream = Endless()
    cut = elements(stream, longest=100)

    for _ in range(5_000):
        next(cut)
    assert stream.given < 20


def test_an_element_is_cut_as_it_stands() -> None:
    cut = [e.text for e in elements(io.BytesIO(b'[ {"a":[1,{"b":"]"}]} ,\n"x" ]'), longest=100)]

    assert cut == [b'{"a":[1,{"b":"]"}]} ', b'"x" ']
    assert json.loads(cut[0]) == {"a": [1, {"b": "]"}]}


def test_what_breaks_off_inside_a_string_is_broken() -> None:
    with pytest.raises(Broken, match="breaks off"):
        list(elements(io.BytesIO(b'["a'), longest=100))
