"""Games with HTTP itself, in process: each is refused with a problem document, or plays no part.

The seeds are those of the reliability study, section 6; what breaks a body or a query string is in
tests/abuse/test_api_bodies.py, and what needs a socket in test_sockets.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client

from tests.fuzz.conftest import problem, with_token
from tests.fuzz.operations import operations
from tests.fuzz.world import World

OVERRIDES = (
    *("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE"),
    *("HTTP_X_METHOD", "HTTP_METHOD", "HTTP_X_ORIGINAL_METHOD"),
)
ADDRESSES = (
    *("HTTP_X_ORIGINAL_URL", "HTTP_X_REWRITE_URL", "HTTP_X_FORWARDED_PATH", "HTTP_X_FORWARDED_URI"),
    *("HTTP_X_FORWARDED_PREFIX", "HTTP_X_SCRIPT_NAME", "HTTP_DESTINATION", "HTTP_REFERER"),
)
IDENTITIES = (
    *("HTTP_REMOTE_USER", "HTTP_X_REMOTE_USER", "HTTP_X_FORWARDED_USER", "HTTP_X_USER"),
    *("HTTP_X_AUTH_REQUEST_EMAIL", "HTTP_X_FORWARDED_EMAIL", "HTTP_PROXY_AUTHORIZATION"),
    *("HTTP_X_API_KEY", "HTTP_COOKIE", "HTTP_X_AMZN_OIDC_IDENTITY", "HTTP_SSL_CLIENT_S_DN"),
)
HOSTS = ("evil.example", "testserver.evil.example", "testserver@evil.example", "127.0.0.1:1:2", "[")
FORWARDED = {
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PORT": "1",
    "HTTP_X_FORWARDED_PROTO": "javascript",
    "HTTP_X_FORWARDED_SERVER": "evil.example",
    "HTTP_FORWARDED": "host=evil.example;proto=https;for=127.0.0.1",
    "HTTP_X_HOST": "evil.example",
}
ACCEPTS = (
    *("*/*", "text/html", "text/html;q=1, application/json;q=0", "application/xml", "", ",,,;q"),
    *("a" * 10_000, "application/json;version=0", "application/json; indent=1000000", "é"),
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"HTTP_RANGE": "bytes=0-0"},
    {"HTTP_RANGE": "bytes=" + "0-1," * 1_000 + "0-1"},
    {"HTTP_IF_NONE_MATCH": "*"},
    {"HTTP_IF_NONE_MATCH": '"1"'},
    {"HTTP_IF_MODIFIED_SINCE": "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"HTTP_IF_UNMODIFIED_SINCE": "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"HTTP_IF_RANGE": '"1"'},
    {"HTTP_TE": "trailers"},
    {"HTTP_EXPECT": "100-continue"},
    {"HTTP_CACHE_CONTROL": "only-if-cached"},
)
KEYS = ("", "x" * 300, "é", "\u202e", "a\tb", "a\x7f", "\x00", "k\r\nX: 1")
VERSIONS = ("", "1", "W/'1'", '"1", "2"', '"-1"', '"1e1"', '"' + "9" * 40 + '"', '"\u0661"', '"')
CURSORS = (
    *("0", "a", "=", "bnVsbA", "WyJuIl0", "WyJuIiwiMjAyNiJd:x", ":", "a:b:c", "A" * 1_001),
    *("W10:" + "x" * 43, "\u202e", "WyJuIl0=" * 9, "' OR 1=1 --", "-1", "%00", "next"),
)
STEPS = ("..", ".", "%2e%2e", "..%2f..", "%252e", ";x", ".json", "%00", "%0d%0aX:1", "\\..\\", "*")


def given(header: str, value: str) -> dict[str, Any]:
    """A header, as Django's test client takes it."""
    return {header: value}


def test_no_header_makes_a_post_of_a_get(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for header in OVERRIDES:
        review = world.take("pending", keep=True)

        with unchanged():
            read = program.get(f"/api/v1/reviews/{review}/", **given(header, "POST"))
            claimed = program.get(f"/api/v1/reviews/{review}/claim/", **given(header, "POST"))
            asked = program.get(f"/api/v1/reviews/{review}/claim/?_method=POST&method=POST")

        assert read.status_code == 200
        assert [problem(answer)["status"] for answer in (claimed, asked)] == [405, 405]


def test_no_header_leads_to_another_address(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for header in ADDRESSES:
        review = world.take("pending", keep=True)

        with unchanged():
            answer = program.get("/api/v1/queues/", **given(header, f"/api/v1/reviews/{review}/"))
            nothing = program.get("/api/nothing/", **given(header, "/api/v1/queues/"))

        assert answer.json()["results"][0]["slug"] == world.queue.slug
        assert problem(nothing)["status"] == 404


def test_no_header_but_authorization_says_who_calls(world: World) -> None:
    for header in IDENTITIES:
        token = world.tokens["everything"]

        for value in ("lead@example.com", token, f"Bearer {token}", f"countersign={token}"):
            answer = with_token(None, **given(header, value)).get("/api/v1/queues/")

            assert problem(answer)["status"] == 401


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "Authorization", "bearer"])
def test_no_parameter_says_who_calls(
    world: World, unchanged: Callable[[], AbstractContextManager[None]], name: Any
) -> None:
    anonymous, token = with_token(None), world.tokens["everything"]
    review = world.take("pending", keep=True)

    with unchanged():
        asked = anonymous.get("/api/v1/queues/", {name: token})
        posted = anonymous.post(
            f"/api/v1/reviews/{review}/claim/", {name: token}, content_type="application/json"
        )

    assert [problem(answer)["status"] for answer in (asked, posted)] == [401, 401]
    assert token not in (asked.content + posted.content).decode()


def test_a_forged_host_is_refused_at_every_operation(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for host in HOSTS:
        addresses = [(one, one.address(world)) for one in operations()]

        with unchanged():
            for operation, address in addresses:
                answer = program.generic(operation.method, address, HTTP_HOST=host)

                assert problem(answer)["status"] == 400, str(operation)
                assert "evil" not in answer.content.decode()


def test_no_forged_host_comes_back_in_a_link(world: World, program: Client) -> None:
    for header, value in FORWARDED.items():
        for page in ("reviews/", "orders/", "quarantine/"):
            answer = program.get(f"/api/v1/{page}?page_size=1", **given(header, value))

            assert answer.status_code == 200, answer.content
            assert answer.json()["next"].startswith(f"http://testserver/api/v1/{page}?")


def test_whatever_is_accepted_the_answer_is_json(world: World, program: Client) -> None:
    for accept in ACCEPTS:
        review = world.take("pending", keep=True)

        for path in ("queues/", f"reviews/{review}/", "nothing/"):
            answer = program.get(f"/api/v1/{path}", {"format": "html"}, HTTP_ACCEPT=accept)

            assert answer.headers["Content-Type"].startswith(
                ("application/json", "application/prob")
            )
            json.loads(answer.content)


def test_no_condition_makes_an_answer_less_than_whole(world: World, program: Client) -> None:
    for condition in CONDITIONS:
        review = world.take("pending", keep=True)

        answer = program.get(f"/api/v1/reviews/{review}/", **condition)

        assert answer.status_code == 200
        assert answer.json()["id"] == review
        assert "Content-Range" not in answer.headers


def test_a_parameter_that_comes_twice_is_refused(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    listed = [one for one in operations() if one.takes("page_size", "query")]
    assert listed

    with unchanged():
        for operation in listed:
            answer = program.get(f"{operation.address(world)}?page_size=1&page_size=2")

            assert problem(answer)["parameter"] == "page_size", str(operation)


def test_a_cursor_that_no_list_gave_is_refused_by_each(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for cursor in CURSORS:
        listed = [one for one in operations() if one.takes("cursor", "query")]
        assert listed

        with unchanged():
            for operation in listed:
                answer = program.get(operation.address(world), {"cursor": cursor})

                assert problem(answer)["parameter"] == "cursor", str(operation)
                assert answer.status_code == 422


def test_a_cursor_of_one_list_opens_no_other(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    listed = [one for one in operations() if one.takes("cursor", "query")]
    given = {}
    for operation in listed:
        page = program.get(operation.address(world), {"page_size": 1}).json()
        if page["next"]:
            given[operation.path] = page["next"]
    assert len(given) > 1

    with unchanged():
        for path, link in given.items():
            for operation in listed:
                if operation.path != path:
                    query = link.partition("?")[2]

                    answer = program.get(f"{operation.address(world)}?{query}")

                    assert problem(answer)["parameter"] == "cursor", (path, str(operation))


def test_a_key_that_is_none_is_refused_by_every_post(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for key in KEYS:
        posts = [one for one in operations() if one.method == "POST" and not one.is_signed]
        addresses = [(one, one.address(world)) for one in posts]

        with unchanged():
            for operation, address in addresses:
                answer = program.post(
                    address, {}, content_type="application/json", HTTP_IDEMPOTENCY_KEY=key
                )

                assert problem(answer)["header"] == "Idempotency-Key", (
                    str(operation),
                    answer.content,
                )
                assert answer.status_code == 422


def test_a_key_of_somebody_else_tells_nothing(world: World, program: Client) -> None:
    review = world.take("pending", keep=True)
    path, key = f"/api/v1/reviews/{review}/claim/", given("HTTP_IDEMPOTENCY_KEY", "shared")
    mine = program.post(path, {}, content_type="application/json", **key)
    assert mine.status_code == 200

    for caller in ("reviewer", "viewer", "outsider", "read_only"):
        answer = with_token(world.tokens[caller]).post(
            path, {}, content_type="application/json", **key
        )

        if caller == "read_only":  # the same person, with less of a token
            assert problem(answer)["code"] == "not_allowed"
        else:
            assert problem(answer)["code"] in {"claimed_by_another", "not_allowed", "not_found"}
        assert mine.json()["lease_id"] not in answer.content.decode()


def test_an_if_match_that_is_no_version_is_refused_where_it_counts(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for version in VERSIONS:
        matched = [one for one in operations() if one.takes("If-Match", "header")]
        assert matched

        with unchanged():
            for operation in matched:
                answer = program.generic(
                    operation.method,
                    operation.address(world),
                    b'{"outcome": "approved", "assignee": "other@example.com"}'
                    if "decisions" in operation.path or "reassign" in operation.path
                    else b"{}",
                    "application/json",
                    HTTP_IF_MATCH=version,
                )

                assert problem(answer)["status"] == 422, (str(operation), answer.content)


def test_no_path_leads_around_the_routes(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    for step in STEPS:
        review = world.take("pending", keep=True)

        with unchanged():
            for path in (
                f"/api/v1/reviews/{step}/{review}/claim/",
                f"/api/v1/reviews/{review}/{step}/claim/",
                f"/api/v1/reviews/{review}{step}/claim/",
                f"/api/v1/{step}/reviews/{review}/claim/",
                f"/api//v1/reviews/{review}/claim/",
                f"/api/V1/reviews/{review}/claim/",
            ):
                assert problem(program.post(path, {}, content_type="application/json"))
