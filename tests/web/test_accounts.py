"""The account pages: only those anybody needs, limited by the caller's own address, honest about mail."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from approvals.models import User
from tests import factories
from tests.config.test_env import run
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db

PROXY = "10.0.0.7"
SAY = "from config import settings as s; print(s.MAIL_IS_SENT, s.EMAIL_BACKEND)"


@pytest.mark.parametrize(
    "path",
    ["", "email/", "confirm-email/", "confirm-email/key/", "signup/", "login/code/confirm/"],
)
def test_nobody_reaches_the_pages_that_change_who_one_is(
    desk: Desk, alice: User, path: str
) -> None:
    assert Client().get(f"/accounts/{path}").status_code == 404
    assert desk(alice).get(f"/accounts/{path}").status_code == 404


def test_nobody_changes_the_address_that_decisions_are_frozen_with(desk: Desk, alice: User) -> None:
    response = desk(alice).post("/accounts/email/", {"email": "ceo@example.com", "action_add": ""})
    assert response.status_code == 404
    assert mail.outbox == []
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_a_reset_for_nobody_looks_as_one_for_somebody_and_sends_nothing(client: Client) -> None:
    response = client.post(
        reverse("account_reset_password"), {"email": "eve@example.com"}, follow=True
    )
    assert "Check your mail" in response.content.decode()
    assert mail.outbox == []


# --- behind a proxy


def failures(address: str, count: int = 11) -> str:
    """What the last of so many failed sign-ins reads; each for another account."""
    page = ""
    for number in range(count):
        response = Client().post(
            reverse("account_login"),
            {"login": f"person-{number}@example.com", "password": "wrong"},
            REMOTE_ADDR=PROXY,
            headers={"X-Forwarded-For": address.replace("#", str(number))} if address else {},
        )
        assert response.status_code == 200
        page = response.content.decode()
    return page


def test_behind_a_proxy_each_caller_has_a_limit_of_their_own(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert "Too many failed" in failures("203.0.113.9")
    assert "Too many failed" not in failures("203.0.113.10", count=1)


def test_a_forged_entry_does_not_evade_the_limit(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert "Too many failed" in failures("198.51.100.#, 203.0.113.9")


@pytest.mark.parametrize("header", ["", " ", "unknown", "for=me#"])
def test_without_a_usable_address_the_proxys_own_counts(settings: Any, header: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert "not correct" in failures(header, count=1)
    assert "Too many failed" in failures(header)


@pytest.mark.parametrize(("url", "count"), [("https://c.example", "1"), ("http://c.example", "0")])
def test_a_proxy_is_trusted_where_one_stands(url: str, count: str) -> None:
    say = "from config import settings; print(settings.ALLAUTH_TRUSTED_PROXY_COUNT)"
    assert run({"PUBLIC_URL": url}, [sys.executable, "-c", say]).stdout.split() == [count]


# --- without a mail server


@pytest.mark.parametrize(
    ("changes", "sent", "backend"),
    [
        ({}, "False", "dummy"),
        ({"DEBUG": "1"}, "True", "console"),
        ({"EMAIL_URL": "smtp://mail.example:25"}, "True", "smtp"),
    ],
)
def test_mail_is_never_printed_in_production(
    changes: dict[str, str | None], sent: str, backend: str
) -> None:
    response = run(changes, [sys.executable, "-c", SAY]).stdout.split()
    assert response == [sent, f"django.core.mail.backends.{backend}.EmailBackend"]


def test_without_mail_the_sign_in_page_names_whom_to_ask(
    client: Client, alice: User, settings: Any
) -> None:
    with_mail = client.get(reverse("account_login")).content.decode()
    assert reverse("account_reset_password") in with_mail
    settings.MAIL_IS_SENT = False
    without = client.get(reverse("account_login")).content.decode()
    assert reverse("account_reset_password") not in without
    assert "Ask an operator" in without


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_mail_the_reset_page_does_not_pretend(
    client: Client, alice: User, settings: Any, method: str
) -> None:
    settings.MAIL_IS_SENT = False
    response = getattr(client, method)(reverse("account_reset_password"), {"email": alice.email})
    assert response.status_code == 200
    assert "sends no mail" in response.content.decode()
    assert "<form" not in response.content.decode()
    assert mail.outbox == []


def test_too_many_requests_get_a_page_in_the_desks_look(client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/h/ip"}
    answers = [client.post(reverse("account_login"), {"login": "a@b.example"}) for _ in range(2)]
    assert answers[1].status_code == 429
    assert "approvals/app.css" in answers[1].content.decode()


def test_a_person_without_a_password_sets_one(desk: Desk, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    page = desk(alice).get(reverse("account_set_password"))
    assert "approvals/app.css" in page.content.decode()
    assert "Set a password" in page.content.decode()


def test_a_person_changes_their_password(desk: Desk, alice: User) -> None:
    browser = desk(alice)
    response = browser.post(
        reverse("account_change_password"),
        {
            "oldpassword": factories.PASSWORD,
            "password1": "another battery staple",
            "password2": "another battery staple",
        },
        follow=True,
    )
    assert response.status_code == 200
    alice.refresh_from_db()
    assert alice.check_password("another battery staple")
