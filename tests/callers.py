"""Callers of the API: each with a token of their own, all over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import ApiToken, ReviewQueue, ReviewTask, User
from tests import factories

_names = itertools.count(1)


class Caller:
    """A program with a token; paths are below /api/v1/ unless they start with a slash."""

    def __init__(self, token: str | None) -> None:
        headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
        self.token = token
        self.client = Client(raise_request_exception=False, **headers)

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: Any) -> Any:
        return self.client.get(address(path), query or {}, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        if isinstance(body, str | bytes):
            return self.client.generic(
                "POST", address(path), body, content_type="application/json", **headers
            )
        return self.client.post(
            address(path), {} if body is None else body, content_type="application/json", **headers
        )


def address(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/v1/{path}"


@pytest.fixture
def call() -> Callable[..., Caller]:
    """A caller with a fresh token of a user, of these scopes."""

    def make(user: User | None, *scopes: str) -> Caller:
        if user is None:
            return Caller(None)
        name = f"token {next(_names)}"
        token = credentials.issue_token(user, name, by=COMMAND_LINE)
        if scopes:
            ApiToken.objects.filter(user=user, name=name).update(scopes=list(scopes))
        return Caller(token)

    return make


@pytest.fixture
def api(call: Callable[..., Caller], alice: User) -> Caller:
    """Alice's program."""
    return call(alice)


@pytest.fixture
def review(queue: ReviewQueue) -> ReviewTask:
    """A pending review of the queue."""
    return factories.review(queue)


def refused(response: Any, status: int, code: str) -> Any:
    """The problem document of a refusal, after checking all that every problem says."""
    assert (response.status_code, response.headers["Content-Type"]) == (
        status,
        "application/problem+json",
    ), response.content
    problem = response.json()
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:countersign:problem:{code}"
    return problem
