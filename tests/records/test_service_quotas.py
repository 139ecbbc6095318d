"""The share of AWS's quotas that this service takes for itself."""

from __future__ import annotations

import pytest

from approvals.records import service_quotas


@pytest.mark.parametrize(
    ("region", "beats"),
    [("us-east-1", 250), ("us-west-2", 250), ("eu-west-1", 250), ("eu-west-3", 150)],
)
def test_half_of_the_heartbeats_of_a_region_are_ours(region: str, beats: float) -> None:
    assert service_quotas.beats_a_second(region) == beats


@pytest.mark.parametrize(
    ("region", "quota", "starts"),
    [
        ("eu-west-1", 0, (240, 1040)),
        ("ap-south-1", 0, (120, 640)),
        ("eu-west-1", 1000, (800, 800)),
        ("eu-west-1", 0.5, (0.4, 1)),
    ],
)
def test_four_fifths_of_the_starts_are_ours_and_a_changed_quota_has_no_greater_burst(
    region: str, quota: float, starts: tuple[float, float]
) -> None:
    assert service_quotas.starts(region, quota) == pytest.approx(starts)


def test_a_token_gets_three_heartbeats_in_its_time_and_so_the_quota_has_a_capacity() -> None:
    assert service_quotas.beat_interval(600) == 200
    assert service_quotas.tokens_kept_alive("us-east-1", 600) == 250 * 200
    assert service_quotas.tokens_kept_alive("ap-south-1", 5) == int(150 * 5 / 3)
