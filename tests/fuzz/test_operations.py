"""Every operation of the document: opened by a good token only, and by the methods it names only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager

from django.test import Client

from tests.fuzz.conftest import problem, with_token
from tests.fuzz.operations import operations
from tests.fuzz.world import World, useless_tokens

OTHER_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "FOO")


def test_no_operation_opens_without_a_good_token(
    world: World, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    clients = {why: with_token(token) for why, token in useless_tokens(world.lead).items()}
    everything = [(one, one.address(world)) for one in operations()]
    assert len(everything) > 10

    with unchanged():
        for operation, address in everything:
            for why, client in clients.items():
                answer = client.generic(operation.method, address, b"{}", "application/json")

                assert answer.status_code == 401, (str(operation), why, answer.content)
                assert problem(answer)["code"] == "not_authenticated"
                assert answer.headers["WWW-Authenticate"]


def test_a_token_of_no_scope_for_it_opens_nothing(
    world: World, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    changing = [one for one in operations() if one.method == "POST" and not one.is_signed]
    client = with_token(world.tokens["read_only"])
    addresses = [(one, one.address(world)) for one in changing]

    with unchanged():
        for operation, address in addresses:
            answer = client.post(address, {}, content_type="application/json")

            assert answer.status_code == 403, (str(operation), answer.content)
            assert problem(answer)["code"] == "not_allowed"


def test_an_outsider_sees_none_of_the_rows(
    world: World, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    client = with_token(world.tokens["outsider"])
    rows = [(one, one.address(world)) for one in operations() if "{" in one.path]

    with unchanged():
        for operation, address in rows:
            answer = client.generic(operation.method, address, b"{}", "application/json")

            assert answer.status_code in (403, 404, 422), (str(operation), answer.content)
            problem(answer)


def test_a_method_that_no_operation_names_is_405_and_says_which_are(
    world: World, program: Client, unchanged: Callable[[], AbstractContextManager[None]]
) -> None:
    named: dict[str, set[str]] = defaultdict(set)
    addresses: dict[str, str] = {}
    for operation in operations():
        named[operation.path].add(operation.method)
        addresses[operation.path] = operation.address(world)

    with unchanged():
        for path, methods in named.items():
            for method in set(OTHER_METHODS) - methods:
                answer = program.generic(method, addresses[path], b"{}", "application/json")

                assert answer.status_code == 405, (method, path, answer.content)
                assert problem(answer)["code"] == "method_not_allowed"
                allowed = set(answer.headers["Allow"].replace(" ", "").split(","))
                assert allowed - {"HEAD", "OPTIONS"} == methods, (method, path)
