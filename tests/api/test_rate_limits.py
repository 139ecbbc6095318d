"""Rate limits: each token has its own, and whoever has none has their address's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from rest_framework.request import Request

from approvals.api.rate_limits import address
from approvals.exceptions import Throttled
from approvals.models import ApiToken, RateBucket, User
from approvals.records import rate_limits, retention
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture(autouse=True)
def slow(settings: Settings) -> None:
    """One a minute after a burst of 20: no test takes so long that one comes back by itself."""
    settings.API_RATE_PER_MINUTE = 1


def spend(caller: Caller, count: int = 20, **headers: Any) -> list[int]:
    """The statuses of so many requests."""
    return [caller.get("queues/", **headers).status_code for _ in range(count)]


def age(seconds: float) -> None:
    """Let so much time pass for every bucket, by moving its row."""
    RateBucket.objects.update(filled_at=F("filled_at") - timedelta(seconds=seconds))


def test_a_token_has_its_burst_and_then_waits(api: Caller) -> None:
    assert spend(api) == [200] * 20

    answer = api.get("queues/")

    problem = refused(answer, 429, "throttled")
    assert answer.headers["Retry-After"] == "60"
    assert problem["retry_after"] == 60


def test_a_rate_limit_refills_with_time_up_to_its_burst(api: Caller) -> None:
    spend(api, 21)
    age(60)
    assert spend(api, 2) == [200, 429]
    age(100_000)
    assert spend(api, 21) == [*[200] * 20, 429]


def test_a_refused_request_costs_nothing(api: Caller) -> None:
    spend(api, 30)
    age(60)

    assert spend(api, 1) == [200]


def test_each_token_has_its_own_rate_limit_even_of_one_user(
    api: Caller, call: Callable[..., Caller], alice: User, bob: User
) -> None:
    spend(api, 21)

    for other in (call(alice), call(bob)):
        assert spend(other, 1) == [200]


def test_posts_count_and_a_refusal_of_a_scope_too(
    api: Caller, call: Callable[..., Caller], alice: User
) -> None:
    reader = call(alice, "read")
    answers = [reader.post("queues/manual-review/next/").status_code for _ in range(21)]

    assert answers == [*[403] * 20, 429]


def test_guessing_tokens_has_its_limit_and_locks_no_good_token_out(api: Caller) -> None:
    guesses = [Caller(f"{number:064}") for number in range(21)]

    answers = [guess.get("queues/").status_code for guess in guesses]

    assert answers == [*[401] * 20, 429]
    assert spend(api, 1) == [200]  # from the same address: an office, or a proxy


@pytest.mark.parametrize(
    ("seen", "counted"),
    [("203.0.113.9:5000", "203.0.113.9"), ("[2001:db8::1]:443", "2001:db8::/64")],
)
def test_a_port_that_a_proxy_appends_is_no_part_of_an_address(
    settings: Settings, rf: RequestFactory, seen: str, counted: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert address(Request(rf.get("/", HTTP_X_FORWARDED_FOR=seen))) == counted


def test_who_brings_no_token_at_all_is_bounded_and_blocks_nobody(
    api: Caller, call: Callable[..., Caller]
) -> None:
    assert spend(call(None), 21) == [*[401] * 20, 429]

    assert spend(api, 1) == [200]


def test_the_schema_counts_for_who_asks_for_it(call: Callable[..., Caller], client: Client) -> None:
    assert client.head("/api/schema/").status_code == 200
    assert spend(call(None)) == [*[401] * 19, 429]

    refused(client.get("/api/schema/"), 429, "throttled")


def test_an_address_is_what_our_own_proxy_says(
    call: Callable[..., Caller], settings: Settings
) -> None:
    anonymous = call(None)
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(20):
        spend(anonymous, 1, HTTP_X_FORWARDED_FOR=f"10.0.0.{number}, 203.0.113.9")

    assert spend(anonymous, 1, HTTP_X_FORWARDED_FOR="8.8.8.8, 203.0.113.9") == [429]
    assert spend(anonymous, 1, HTTP_X_FORWARDED_FOR="203.0.113.9, 8.8.8.8") == [401]
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0
    assert spend(anonymous, 1, HTTP_X_FORWARDED_FOR="203.0.113.9") == [401]


def test_a_whole_ipv6_line_is_one_address(call: Callable[..., Caller]) -> None:
    anonymous = call(None)
    for number in range(20):
        spend(anonymous, 1, REMOTE_ADDR=f"2001:db8:1:2::{number}")

    assert spend(anonymous, 1, REMOTE_ADDR="2001:db8:1:2:ffff::1") == [429]
    assert spend(anonymous, 1, REMOTE_ADDR="2001:db8:1:3::1") == [401]


@pytest.mark.parametrize("hop", ["", "unknown", "x" * 9000, "\0", "1.2.3.4:567", "'; --"])
def test_no_address_makes_a_5xx(call: Callable[..., Caller], settings: Settings, hop: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    assert spend(call(None), 1, HTTP_X_FORWARDED_FOR=hop) == [401]


def test_a_request_is_counted_in_one_statement(api: Caller) -> None:
    with CaptureQueriesContext(connection) as limited:
        api.get("queues/")

    counting = [query for query in limited if "ratebucket" in query["sql"]]
    assert len(counting) == 1
    assert "approvals_apitoken" in counting[0]["sql"]  # the one that looks the token up


def test_a_request_that_is_refused_is_a_use_of_its_token(api: Caller) -> None:
    spend(api, 20)
    ApiToken.objects.update(last_used_at=None)

    assert spend(api, 1) == [429]
    assert ApiToken.objects.get().last_used_at is not None


def test_zero_counts_nothing(api: Caller, settings: Settings) -> None:
    settings.API_RATE_PER_MINUTE = 0

    assert spend(api, 30) == [200] * 30
    assert not RateBucket.objects.exists()


def test_no_secret_stands_in_a_buckets_name(api: Caller) -> None:
    api.get("queues/")

    assert api.token not in RateBucket.objects.get().name


def test_old_buckets_are_forgotten_and_only_those(api: Caller, call: Callable[..., Caller]) -> None:
    api.get("queues/")
    age(3601)
    spend(call(None), 1)

    assert (retention.Purge().turn(), RateBucket.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_callers_at_once_get_no_more_than_there_is() -> None:
    def take(_: int) -> bool:
        try:
            rate_limits.take("token:x", per_minute=1)
        except Throttled:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(60))) == 20


@pytest.mark.django_db(transaction=True)
def test_many_at_once_share_what_is_left_and_none_is_given_twice() -> None:
    def take(_: int) -> int:
        try:
            return rate_limits.take_up_to(7, "heartbeats:x", per_second=0.001, burst=30.5)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(take, range(12)))

    assert sorted(given, reverse=True) == [7, 7, 7, 7, 2, *[0] * 7]
    assert 0.5 <= RateBucket.objects.get(name="heartbeats:x").left < 1


@pytest.mark.django_db(transaction=True)
def test_a_verb_waits_for_the_disk_however_fast_the_counting_is() -> None:
    rate_limits.take("token:x", per_minute=1)

    question = "SELECT setting, reset_val FROM pg_settings WHERE name = 'synchronous_commit'"
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = 'local'")
        rate_limits.take("token:x", per_minute=1)
        cursor.execute(question)
        now, _ = cursor.fetchone()
        cursor.execute("RESET synchronous_commit")
    assert now == "local"
