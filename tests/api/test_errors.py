"""Every refusal is a problem document, and an unexpected error describes nothing of the inside."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest
from django.db import DataError, InterfaceError, OperationalError

from approvals.actions import assignment, decisions
from approvals.api import queries
from approvals.exceptions import KeyMissing
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

SECRET = "password=hunter2 at 10.0.0.7"


@pytest.mark.parametrize("error", [OperationalError(SECRET), InterfaceError(SECRET), KeyMissing()])
def test_a_database_that_is_away_is_503_with_a_time_to_come_back(
    api: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(queries, "filtered", _raises(error))

    answer = api.get("reviews/")

    refused(answer, 503, error.code if isinstance(error, KeyMissing) else "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert b"hunter2" not in answer.content


def test_a_database_that_is_away_at_sign_in_is_503_too(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError(SECRET) from psycopg.OperationalError(SECRET)

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)

    answer = api.get("reviews/")

    monkeypatch.undo()
    refused(answer, 503, "unavailable")


@pytest.mark.parametrize("error", [RuntimeError(SECRET), KeyError(SECRET), RecursionError(SECRET)])
def test_an_unexpected_error_is_500_and_is_not_described(
    api: Caller, monkeypatch: pytest.MonkeyPatch, review: ReviewTask, error: Exception
) -> None:
    monkeypatch.setattr(assignment, "claim", _raises(error))

    answer = api.post(f"reviews/{review.pk}/claim/")

    refused(answer, 500, "internal_error")
    assert b"hunter2" not in answer.content
    assert b"Traceback" not in answer.content


def test_a_value_the_database_refuses_is_the_callers_mistake(
    api: Caller, monkeypatch: pytest.MonkeyPatch, review: ReviewTask
) -> None:
    monkeypatch.setattr(decisions, "decide", _raises(DataError(SECRET)))

    answer = api.post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"})

    refused(answer, 422, "invalid")
    assert b"hunter2" not in answer.content


def test_a_verbs_own_status_never_hides_the_http_status(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice))

    problem = refused(api.post(f"reviews/{review.pk}/claim/"), 409, "already_decided")

    assert problem["review_status"] == "rejected"


def test_all_that_is_wrong_with_a_body_is_listed(api: Caller, review: ReviewTask) -> None:
    body = {"outcome": "maybe", "reason": 5, "undo_seconds": -1}

    problem = api.post(f"reviews/{review.pk}/decisions/", body).json()

    assert [one["pointer"] for one in problem["errors"]] == ["/outcome", "/reason", "/undo_seconds"]
    assert problem["detail"] == problem["errors"][0]["detail"]
    json.dumps(problem)


def _raises(error: Exception) -> Callable[..., None]:
    """A function that raises this."""

    def raising(*_args: object, **_kwargs: object) -> None:
        raise error

    return raising
