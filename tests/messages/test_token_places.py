"""The place of a text that may be a task token, which a quarantine names for the sender and the operator."""

from __future__ import annotations

import time
from typing import Any

import pytest

from approvals.messages import token_places
from approvals.messages.maps import read
from approvals.untrusted import json_paths

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789==" * 2


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"metadata": {"taskToken": TOKEN}}, "$.metadata.taskToken"),
        ({"MyTaskToken": TOKEN}, "$.MyTaskToken"),
        ({"taskToken": {"S": TOKEN}}, "$.taskToken.S"),
        ({"Task": {"Token": TOKEN}}, "$.Task.Token"),
        ({"messages": [{"x": 1}, {"TaskToken": TOKEN}]}, "$.messages[1].TaskToken"),
        ({"the call": {"task token": TOKEN}}, "$['the call']['task token']"),
        ({"csrfToken": TOKEN, "step": {"task_token": TOKEN}}, "$.step.task_token"),
        ({"csrfToken": "short-csrf-token-1234"}, ""),
        ({"a": TOKEN, "b": [TOKEN]}, ""),
        ({"x": {TOKEN: {"taskToken": TOKEN}}}, ""),
        ({"K" * 64: {"taskToken": TOKEN}}, ""),
        ({"k" * 64: {"taskToken": TOKEN}}, ""),
        ({"x": {"it's": {"taskToken": TOKEN}}}, ""),
        ({"x": {"a']['b": {"taskToken": TOKEN}}}, ""),
        ({"x": {"a\nb": {"taskToken": TOKEN}}}, ""),
        ({"x": {"": {"taskToken": TOKEN}}}, ""),
        ({"x": {"taskToken": "-" * 64, "csrfToken": "-" * 64}}, ""),
        ({"x": {"csrfToken": TOKEN, "sessionToken": TOKEN}}, "$.x.csrfToken"),
        (["taskToken", TOKEN], ""),
    ],
)
def test_a_map_of_the_named_path_finds_the_text(document: Any, path: str) -> None:
    assert token_places.like_a_token(document) == path

    if path:
        read({"token": path})
        assert json_paths.value_at(document, json_paths.parse(path)) == TOKEN


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"metadata": {"taskToken": TOKEN[:40]}}, "$.metadata.taskToken"),
        ({"Task": {"Token": TOKEN[:40]}}, "$.Task.Token"),
        ({"csrfToken": TOKEN[:63]}, ""),
        ({"csrfToken": TOKEN[:64]}, "$.csrfToken"),
    ],
)
def test_a_short_text_is_only_found_under_a_name_of_the_token(document: Any, path: str) -> None:
    assert token_places.like_a_token(document) == path


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"k " * 32: {"taskToken": TOKEN}}, f"$['{'k ' * 32}'].taskToken"),
        ({"k " * 32 + "k": {"taskToken": TOKEN}}, ""),
        ({"k" * 34: {"k" * 33: {"taskToken": TOKEN}}}, f"$.{'k' * 34}.{'k' * 33}.taskToken"),
        ({"k" * 34: {"k" * 34: {"taskToken": TOKEN}}}, ""),
        ({"all": [{}] * 99 + [{"taskToken": TOKEN}]}, "$.all[99].taskToken"),
        ({"all": [{}] * 100 + [{"taskToken": TOKEN}]}, ""),
    ],
    ids=["key", "longer key", "path", "longer path", "list", "longer list"],
)
def test_a_place_is_named_where_its_keys_and_its_path_are_short(document: Any, path: str) -> None:
    assert token_places.like_a_token(document) == path


@pytest.mark.parametrize("before", [19_998, 19_999])
def test_20000_values_are_looked_at(before: int) -> None:
    document = {f"k{number}": 0 for number in range(before)} | {"taskToken": TOKEN}

    # The message itself is the first one.
    assert token_places.like_a_token(document) == ("$.taskToken" if before == 19_998 else "")


@pytest.mark.parametrize(
    "document",
    [
        {"x": [0] * 500_000},
        {"x": {f"k{n}": {"taskTokens": "a" * 20} for n in range(60_000)}},
        {"x": [[{}] * 1000] * 500},
    ],
    ids=["a long list", "many keys", "many lists"],
)
def test_a_large_message_is_searched_in_bounded_time(document: Any) -> None:
    began = time.process_time()

    assert token_places.like_a_token(document) == ""

    assert time.process_time() - began < 2.0


def test_deep_nesting_ends_where_a_path_would_be_too_long() -> None:
    document: Any = {"taskToken": TOKEN}
    for _ in range(100):
        document = {"inner": document}

    assert token_places.like_a_token(document) == ""
