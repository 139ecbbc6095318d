"""Every address without an endpoint is a problem document."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db


def test_an_address_that_is_none_is_a_problem_for_everybody(
    api: Caller, call: Callable[..., Caller]
) -> None:
    for path in (
        "nothing/",
        "reviews/7/",
        "reviews/not-a-uuid/claim/",
        "reviews/00000000-0000-0000-0000-00000000000G/",
        "/api/",
        "/api/v2/reviews/",
        "/api/v1/reviews/%00/",
        "/api//v1/reviews/",
    ):
        for caller in (api, call(None)):
            refused(caller.get(path), 404, "not_found")
            refused(caller.post(path), 404, "not_found")


def test_a_forgotten_slash_is_told(api: Caller) -> None:
    problem = refused(api.post("reviews"), 404, "not_found")

    assert "slash" in problem["detail"]
