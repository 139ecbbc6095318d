"""Attempts that failed are repeated after pauses that grow, are random, and have an end."""

from __future__ import annotations

from approvals.records.retry_backoff import seconds_before_retry


def test_pauses_grow_with_jitter_and_are_bounded() -> None:
    def pauses(attempts: int) -> list[float]:
        return [seconds_before_retry(attempts) for _ in range(40)]

    assert max(pauses(1)) <= 2.0
    for many in (8, 50, 10_000):
        slow = pauses(many)
        assert 20 < max(slow) <= 60
        assert min(slow) >= 0.1
        assert len(set(slow)) > 30


def test_a_pause_is_never_shorter_than_asked_for_and_never_longer_than_allowed() -> None:
    assert min(seconds_before_retry(1, at_least=5.0) for _ in range(40)) == 5.0
    assert max(seconds_before_retry(10, longest=0.5) for _ in range(40)) <= 0.5
