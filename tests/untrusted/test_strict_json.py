"""Strict JSON: nothing ambiguous, nothing that cannot be stored, and the place of what is refused."""

from __future__ import annotations

import pytest

from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import Unreadable


def test_a_key_that_stands_twice_is_refused_unless_repeats_are_allowed() -> None:
    body = '{"a": 1, "a": 2}'

    with pytest.raises(Unreadable) as refused:
        strict_json.read(body)

    assert refused.value.reason == "duplicate_key"
    assert strict_json.read(body, unique=set()) == {"a": 2}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"a": {"b/c": ["", "\\u0000"]}}', ("a", "b/c", 1)),
        ('{"a": [{"\\ud800": 1}]}', ("a", 0)),
        ('{"a": [1' + "0" * 64 + "]}", ()),  # refused while it is read: the place is not known yet
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(
    body: str, place: tuple[str | int, ...]
) -> None:
    with pytest.raises(Unreadable) as refused:
        strict_json.read(body)

    assert refused.value.place == place
