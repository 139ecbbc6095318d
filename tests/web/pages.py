"""Addresses of the desk's pages, and what a page or a form in it holds."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from approvals.models import (
    ReviewTask,
    User,
)
from tests.web.conftest import Desk


def at(review: ReviewTask, action: str = "") -> str:
    """The address of a review, or of an action on it."""
    return reverse(f"review_{action}" if action else "review", args=[review.pk])


def text(desk: Desk, user: User, review: ReviewTask) -> str:
    """A review's page as this person gets it."""
    response = desk(user).get(at(review))
    assert response.status_code == 200
    return response.content.decode()


def hidden(response: Any) -> dict[str, str]:
    """The hidden fields of the form on a page, as a browser would post them."""
    found = re.findall(
        r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', response.content.decode()
    )
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def references(html: str) -> list[str]:
    """The references of the rows of a list, in their order."""
    return re.findall(r'<a class="serial"[^>]*><bdi>([^<]+)</bdi>', html)


def html(browser: Client, path: str, status: int = 200, **headers: Any) -> str:
    """A page of this status as the browser gets it."""
    answer = browser.get(path, **headers)
    assert answer.status_code == status, answer
    return answer.content.decode()
