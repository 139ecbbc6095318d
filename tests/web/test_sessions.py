"""A session opens pages until it expires; a key of none opens nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as Former
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from approvals.models import User
from approvals.web.sessions import SessionStore
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db


def test_a_session_opens_pages_until_it_expires(desk: Desk, alice: User) -> None:
    browser = desk(alice)
    assert browser.get("/").status_code == 200

    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert browser.get("/").status_code == 302


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 32, "x" * 4_000, "aaaaaaaa\0", '"aaaaaaaa\\000"']
)
def test_a_key_of_no_session_opens_nothing(key: str, alice: User) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={key}"

    assert Client(HTTP_COOKIE=cookie).get("/").status_code == 302
    assert Client(HTTP_COOKIE=cookie).get("/nowhere/").status_code == 404


def test_a_session_of_an_earlier_release_is_read(alice: User) -> None:

    former = Former()
    former["held"] = "value"
    former.create()

    assert SessionStore(former.session_key)["held"] == "value"
