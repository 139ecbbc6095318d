"""The share of the quotas of AWS that this service uses, by region."""

from __future__ import annotations

import pytest

from approvals.records import service_quotas


@pytest.mark.parametrize(
    ("region", "rate"),
    [("us-east-1", 250), ("us-west-2", 250), ("eu-west-1", 250), ("eu-west-3", 150)],
)
def test_half_of_the_quota_is_left_for_answers(region: str, rate: int) -> None:
    assert service_quotas.beats_a_second(region) == rate


@pytest.mark.parametrize(
    ("region", "raised", "starts"),
    [
        ("us-east-1", 0, (240, 1040)),
        ("eu-central-1", 0, (120, 640)),
        ("eu-central-1", 1000, (800, 800)),
    ],
)
def test_a_region_has_its_quota_unless_aws_has_changed_it(
    region: str, raised: float, starts: tuple[float, float]
) -> None:
    assert service_quotas.starts(region, raised) == starts
