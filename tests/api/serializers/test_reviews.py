"""The filter of a list of reviews: one status, several, or any."""

from __future__ import annotations

import pytest
from rest_framework.exceptions import ValidationError

from approvals.api.serializers.reviews import DELIVERY_STATES, ReviewFilter, Statuses
from approvals.models import ReviewTask
from approvals.models.outbox import DeliveryState


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("pending", ["pending"]),
        ("rejected,approved,rejected", ["approved", "rejected"]),
        ("any", sorted(ReviewTask.Status.values)),
    ],
)
def test_statuses_are_read_sorted_and_once_each(text: str, statuses: list[str]) -> None:
    assert Statuses().run_validation(text) == statuses


@pytest.mark.parametrize("text", ["eaten", "any,pending", "pending,", ",", "Pending"])
def test_a_status_that_is_none_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValidationError, match="Choose any, or some of pending"):
        Statuses().run_validation(text)


def test_without_a_filter_nothing_is_narrowed() -> None:
    asked = ReviewFilter(data={})

    assert asked.is_valid()
    assert [value for value in asked.validated_data.values() if value] == []


def test_the_states_of_a_delivery_are_those_of_the_outbox() -> None:
    assert set(DELIVERY_STATES) == set(DeliveryState)
