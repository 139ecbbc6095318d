"""Sign-in limits: guessing is slowed down, and nobody is locked out by what others do."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db.models import F
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from approvals.models import RateBucket, User
from tests import factories
from tests.paths import ROOT

pytestmark = pytest.mark.django_db

WRONG = "wrong"


def attempt(
    email: str, password: str = WRONG, *, browser: Client | None = None, address: str = "10.0.0.1"
) -> Any:
    """The response to one attempt to sign in, from a new browser unless one is given."""
    return (browser or Client()).post(
        reverse("account_login"), {"login": email, "password": password}, REMOTE_ADDR=address
    )


def guesses(email: str, count: int = 5) -> list[Any]:
    """So many wrong passwords for one account, each from another address."""
    return [attempt(email, address=f"203.0.113.{number}") for number in range(count)]


def is_refused(response: Any) -> bool:
    return response.status_code == 429 and 1 <= int(response["Retry-After"]) <= 60


def test_guesses_of_one_password_are_slowed_down_wherever_they_come_from(alice: User) -> None:
    assert [response.status_code for response in guesses(alice.email)] == [200] * 5

    refused = attempt("ALICE@example.com ", factories.PASSWORD, address="203.0.113.9")

    assert is_refused(refused)
    assert "Too many attempts" in refused.content.decode()
    assert "approvals/app.css" in refused.content.decode()


def test_after_a_minute_one_more_attempt_is_allowed(alice: User) -> None:
    guesses(alice.email)
    RateBucket.objects.update(filled_at=F("filled_at") - timedelta(seconds=61))

    assert attempt(alice.email).status_code == 200
    assert is_refused(attempt(alice.email, factories.PASSWORD))


def test_a_device_that_has_signed_in_before_is_not_shut_out_by_guesses_of_others(
    alice: User,
) -> None:
    own = Client()
    assert attempt(alice.email, factories.PASSWORD, browser=own).status_code == 302
    own.post(reverse("account_logout"))
    guesses(alice.email, 6)

    assert attempt(alice.email, factories.PASSWORD, browser=own).status_code == 302


def test_nor_by_guesses_from_its_own_address(alice: User) -> None:
    own = Client()
    attempt(alice.email, factories.PASSWORD, browser=own)
    own.post(reverse("account_logout"))
    others = [attempt(f"person-{number}@example.com") for number in range(11)]

    assert is_refused(others[-1])
    assert attempt(alice.email, factories.PASSWORD, browser=own).status_code == 302


def test_a_known_device_has_a_limit_of_its_own(alice: User) -> None:
    stolen = Client()
    attempt(alice.email, factories.PASSWORD, browser=stolen)
    stolen.post(reverse("account_logout"))

    answers = [attempt(alice.email, browser=stolen, address=f"10.0.1.{n}") for n in range(6)]

    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert is_refused(answers[5])


def test_a_device_is_known_for_the_accounts_that_signed_in_on_it_alone(
    alice: User, bob: User, carol: User
) -> None:
    shared = Client()
    for user in (alice, bob):
        attempt(user.email, factories.PASSWORD, browser=shared)
        shared.post(reverse("account_logout"))
    for user in (alice, bob, carol):
        guesses(user.email)

    assert is_refused(attempt(carol.email, factories.PASSWORD, browser=shared))
    for user in (alice, bob):
        assert attempt(user.email, factories.PASSWORD, browser=shared).status_code == 302
        shared.post(reverse("account_logout"))


@pytest.mark.parametrize("forged", ["", "x", "eyJhIjoiYiJ9:1vZ:AAAA", "x" * 4000])
def test_a_cookie_that_we_did_not_sign_makes_no_device_known(
    alice: User, settings: Settings, forged: str
) -> None:
    guesses(alice.email)
    browser = Client()
    browser.cookies[settings.DEVICE_COOKIE_NAME] = forged

    assert is_refused(attempt(alice.email, factories.PASSWORD, browser=browser))


def test_the_device_cookie_is_for_this_server_alone_and_names_nobody(
    alice: User, settings: Settings
) -> None:
    browser = Client()
    attempt(alice.email, factories.PASSWORD, browser=browser)
    cookie = browser.cookies[settings.DEVICE_COOKIE_NAME]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "alice" not in cookie.value
    assert str(alice.pk) not in cookie.value


def test_signing_in_rightly_uses_nothing_up(alice: User) -> None:
    for _ in range(12):
        assert attempt(alice.email, factories.PASSWORD).status_code == 302


def test_many_cheap_requests_erase_no_counter(alice: User) -> None:
    guesses(alice.email)
    page = reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "set-password"})
    for number in range(330):
        Client().post(page, REMOTE_ADDR=f"198.51.{number // 250}.{number % 250}")

    assert is_refused(attempt(alice.email, factories.PASSWORD, address="203.0.113.9"))


def test_no_counter_is_in_a_cache_and_no_request_waits(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*args: Any, **named: Any) -> None:
        raise AssertionError("a sign-in asked a cache, or slept")

    for name in ("get", "set", "add", "delete"):
        monkeypatch.setattr(type(caches["default"]), name, forbidden)
    monkeypatch.setattr(time, "sleep", forbidden)

    assert is_refused(guesses(alice.email, 6)[-1])
    Client().post(reverse("account_reset_password"), {"email": alice.email})


def test_an_unknown_account_is_limited_as_a_known_one_is(alice: User) -> None:
    statuses = [
        [response.status_code for response in guesses(email, 6)]
        for email in (alice.email, "nobody@example.com")
    ]
    assert statuses[0] == statuses[1] == [200] * 5 + [429]


def test_links_to_reset_a_password_are_limited_by_account_and_by_address(alice: User) -> None:
    page = reverse("account_reset_password")
    by_account = [
        Client().post(page, {"email": alice.email}, REMOTE_ADDR=f"10.0.2.{number}")
        for number in range(6)
    ]
    by_address = [
        Client().post(page, {"email": f"person-{number}@example.com"}) for number in range(21)
    ]

    assert [answer.status_code for answer in by_account[:5]] == [302] * 5
    assert is_refused(by_account[5])
    assert [answer.status_code for answer in by_address[:20]] == [302] * 20
    assert is_refused(by_address[20])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("account_change_password", {"oldpassword": "wrong", "password1": "x", "password2": "x"}),
        ("account_reauthenticate", {"password": "wrong"}),
    ],
)
def test_a_session_is_no_place_to_guess_its_password(
    alice: User, name: str, fields: dict[str, str]
) -> None:
    browser = Client()
    browser.force_login(alice)

    answers = [browser.post(reverse(name), fields) for _ in range(6)]

    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert is_refused(answers[5])


def test_a_person_confirms_their_password_while_others_guess_it(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    guesses(alice.email)

    answer = browser.post(reverse("account_reauthenticate"), {"password": factories.PASSWORD})

    assert answer.status_code == 302


def test_no_guard_of_ours_can_rest_on_a_cache(settings: Settings) -> None:
    named = [
        path
        for top in ("approvals", "config")
        for path in (ROOT / top).rglob("*.py")
        if "django.core.cache import" in path.read_text()
    ]
    assert named == []
    assert settings.ACCOUNT_RATE_LIMITS is False
    assert settings.CACHES["default"]["BACKEND"].endswith(".DummyCache")
