"""Requests name no field that is not there, and a list's page has its limits."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from approvals.api.pagination import PageQuery
from approvals.api.serializers.requests import UNKNOWN_NAME, EmptyBody, StrictSerializer


def taken(serializer: type[StrictSerializer], data: Any) -> Any:
    """What a request with this data asks for. Raises ValidationError."""
    asked = serializer(data=data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def test_a_misspelt_name_is_refused_by_its_name() -> None:
    with pytest.raises(ValidationError) as refusal:
        taken(PageQuery, {"page_sise": 5})

    assert refusal.value.detail == {"page_sise": [UNKNOWN_NAME]}


def test_where_nothing_is_asked_only_nothing_is_taken() -> None:
    assert taken(EmptyBody, {}) == {}
    with pytest.raises(ValidationError):
        taken(EmptyBody, {"override": True})


@pytest.mark.parametrize("size", [0, 201, "x"])
def test_a_page_has_from_1_to_200_rows(size: Any) -> None:
    assert taken(PageQuery, {}) == {"cursor": "", "page_size": 50}
    with pytest.raises(ValidationError):
        taken(PageQuery, {"page_size": size})
