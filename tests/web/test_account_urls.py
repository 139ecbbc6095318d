"""The account pages: only those that are needed, in the desk's look, honest about mail."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from approvals.models import User
from approvals.web.account_urls import OPEN
from tests import factories
from tests.web.conftest import Desk
from tests.web.mails import sent_mails
from tests.web.pages import at

pytestmark = pytest.mark.django_db


def test_one_signs_in_with_email_and_password_and_lands_where_one_wanted(
    client: Client, alice: User
) -> None:
    url = at(factories.review())
    response = client.post(
        f"{reverse('account_login')}?next={url}",
        {"login": "Alice@example.com", "password": factories.PASSWORD, "next": url},
    )
    assert response.status_code == 302
    assert response["Location"] == url
    assert client.get(url).status_code == 200


def test_a_wrong_sign_in_does_not_say_which_part_is_wrong(client: Client, alice: User) -> None:
    for email in ("alice@example.com", "nobody@example.com"):
        page = client.post(reverse("account_login"), {"login": email, "password": "wrong"})
        assert page.status_code == 200
        assert "not correct" in page.content.decode()


def test_signing_out_asks_first_and_ends_the_session(desk: Desk, alice: User) -> None:
    browser = desk(alice)
    assert "Sign out?" in browser.get(reverse("account_logout")).content.decode()
    assert browser.get("/").status_code == 200
    browser.post(reverse("account_logout"))
    assert browser.get("/").status_code == 302


def test_a_forgotten_password_is_set_anew_through_a_link(client: Client, alice: User) -> None:
    sent = client.post(reverse("account_reset_password"), {"email": alice.email}, follow=True)
    assert "Check your mail" in sent.content.decode()
    link = re.search(
        r"http://testserver(/accounts/password/reset/key/\S+)", str(sent_mails()[0].body)
    )
    assert link is not None
    page = client.get(link[1], follow=True)
    assert "Choose a password" in page.content.decode()
    done = client.post(
        page.redirect_chain[-1][0],
        {"password1": "another battery staple", "password2": "another battery staple"},
        follow=True,
    )
    assert "Your password is set" in done.content.decode()
    client.post(
        reverse("account_login"), {"login": alice.email, "password": "another battery staple"}
    )
    assert client.get("/").status_code == 200
    spent = client.get(link[1], follow=True)
    assert "This link no longer works" in spent.content.decode()


@pytest.mark.parametrize(
    "name",
    [
        *("account_login", "account_inactive", "account_reset_password"),
        *("account_reset_password_done", "account_reset_password_from_key_done"),
    ],
)
def test_account_pages_have_the_desks_look(client: Client, db: None, name: str) -> None:
    html = client.get(reverse(name)).content.decode()
    assert "approvals/app.css" in html
    assert '<main id="main"' in html
    assert not re.search(r"\sstyle=|<style", html)


@pytest.mark.parametrize(
    "name", ["account_logout", "account_change_password", "account_reauthenticate"]
)
def test_account_pages_after_sign_in_have_it_too(desk: Desk, alice: User, name: str) -> None:
    response = desk(alice).get(reverse(name), follow=True)
    assert response.status_code == 200
    assert "approvals/app.css" in response.content.decode()


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
    assert sent_mails() == []
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_a_reset_for_nobody_looks_as_one_for_somebody_and_sends_nothing(client: Client) -> None:
    response = client.post(
        reverse("account_reset_password"), {"email": "eve@example.com"}, follow=True
    )
    assert "Check your mail" in response.content.decode()
    assert sent_mails() == []


def test_without_mail_the_sign_in_page_names_whom_to_ask(
    client: Client, alice: User, settings: Settings
) -> None:
    with_mail = client.get(reverse("account_login")).content.decode()
    assert reverse("account_reset_password") in with_mail
    settings.MAIL_IS_SENT = False
    without = client.get(reverse("account_login")).content.decode()
    assert reverse("account_reset_password") not in without
    assert "Ask an operator" in without


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_mail_the_reset_page_does_not_pretend(
    client: Client, alice: User, settings: Settings, method: str
) -> None:
    settings.MAIL_IS_SENT = False
    response = getattr(client, method)(reverse("account_reset_password"), {"email": alice.email})
    assert response.status_code == 200
    assert "sends no mail" in response.content.decode()
    assert "<form" not in response.content.decode()
    assert sent_mails() == []


def test_too_many_requests_get_a_page_in_the_desks_look(client: Client) -> None:
    link = reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "set-password"})
    answers = [client.post(link) for _ in range(21)]
    assert answers[19].status_code == 200
    assert answers[20].status_code == 429
    assert int(answers[20]["Retry-After"]) >= 1
    assert "approvals/app.css" in answers[20].content.decode()


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


MARKS = "\u0301\u0316" * 40_000
NEXT = [
    "//a" + MARKS,
    "http://a" + MARKS,
    "/" + MARKS,
    "http://[",
    "//[",
    "http:///x",
    "///x",
    "\\\\x",
]


@pytest.mark.parametrize("name", sorted(OPEN.keys() - {"account_reset_password_from_key"}))
def test_no_field_of_an_account_page_keeps_the_process_busy(
    desk: Desk, alice: User, name: str
) -> None:
    """Bringing a host of 80,000 combining characters into a normal form takes six seconds."""
    url = reverse(name)
    fields = dict.fromkeys(("login", "email", "password", "oldpassword", "password1"), MARKS)
    for browser in (Client(), desk(alice)):
        for after in NEXT:
            browser.get(url)
            began = time.process_time()
            for sent in (
                {"next": after},
                fields | {"next": after},
                {"login": "a@b.com", "password": "x", "next": after},
            ):
                assert browser.post(url, sent).status_code < 500
            assert browser.get(url, {"next": after[:2_000]}).status_code < 500
            assert time.process_time() - began < 3, after[:9]


@pytest.mark.parametrize(
    "after", ["//evil.example", "http://evil.example/", "https://testserver@evil.example"]
)
def test_one_is_led_to_no_other_host(client: Client, alice: User, after: str) -> None:
    signed = client.post(
        reverse("account_login"),
        {"login": alice.email, "password": factories.PASSWORD, "next": after},
    )

    assert signed["Location"] == "/"
