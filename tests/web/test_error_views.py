"""The page of an unexpected error, and that of an absent database, which asks it nothing."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.urls import reverse

from approvals.models import User
from approvals.web import home
from tests import factories
from tests.web.absent_database import away

pytestmark = pytest.mark.django_db


def test_an_error_page_has_the_desks_look(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(home, "queue_summaries", broken)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    response = client.get("/")
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert "a secret of the inside" not in response.content.decode()


def test_an_address_that_leads_nowhere_keeps_the_navigation(alice: User) -> None:
    client = Client()
    signed_out = client.get("/nowhere/")
    assert signed_out.status_code == 404
    assert 'role="search"' not in signed_out.content.decode()
    client.force_login(alice)
    for path in ("/nowhere/", "/queues/unknown/"):
        response = client.get(path)
        page = response.content.decode()
        assert response.status_code == 404
        assert page.count("Page not found</h1>") == 1
        assert 'role="search"' in page
        assert 'href="/"' in page


def test_a_refused_page_says_its_title_once(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    response = client.get("/orders/")
    assert response.status_code == 403
    assert response.content.decode().count("Not allowed") == 2  # the tab, the heading


@pytest.fixture
def patient(alice: User) -> Client:
    """Alice's browser, whose server answers a fault instead of raising it into the test."""
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
@pytest.mark.parametrize("name", ["home", "account_login", "account_logout"])
def test_the_page_of_an_absent_database_asks_it_nothing(
    patient: Client, fault: type[Exception], name: str
) -> None:
    with away(fault):
        response = patient.get(reverse(name))
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "approvals/app.css" in response.content.decode()
    assert "hunter2" not in response.content.decode()
    assert patient.get("/").status_code == 200  # still signed in, once it is back


def test_an_error_in_the_middle_of_a_page_has_its_page_too(
    patient: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(home, "queue_summaries", broken)
    response = patient.get("/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")


@pytest.mark.django_db
def test_signing_in_without_a_database_has_its_page(alice: User) -> None:
    client = Client(raise_request_exception=False)
    with away(OperationalError):
        response = client.post(
            reverse("account_login"), {"login": alice.email, "password": factories.PASSWORD}
        )
    assert response.status_code == 503
