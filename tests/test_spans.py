"""Lengths of time are one rounded unit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.spans import span


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=0), "0 s"),
        (timedelta(seconds=89), "89 s"),
        (timedelta(seconds=90), "2 min"),
        (timedelta(minutes=89), "89 min"),
        (timedelta(hours=-3), "3 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_a_length_of_time_is_one_rounded_unit(length: timedelta, words: str) -> None:
    assert span(length) == words
