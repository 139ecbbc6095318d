"""UUIDs of version 7: in the order of their making, and never the same."""

from __future__ import annotations

import itertools
import time
import uuid

import pytest

from approvals.models.ids import uuid7


def test_an_id_is_of_version_7_and_begins_with_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_of_later_milliseconds_sort_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count(1_767_323_045_000)
    monkeypatch.setattr(time, "time_ns", lambda: next(moments) * 1_000_000)

    made = [uuid7() for _ in range(100)]

    assert made == sorted(made)


def test_ids_of_one_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_767_323_045_000_000_000)

    assert len({uuid7() for _ in range(10_000)}) == 10_000
