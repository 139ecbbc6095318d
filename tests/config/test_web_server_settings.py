"""The deadlines of the web process, and how many requests of a client it answers."""

from __future__ import annotations

import sys

import pytest

from tests.config.bare_environment import assert_one_line, run

SHOW = "from config import web_server_settings as s; print(s.HEAD_SECONDS, s.BODY_SECONDS)"


@pytest.mark.parametrize("name", ["WEB_HEAD_SECONDS", "WEB_BODY_SECONDS"])
@pytest.mark.parametrize("value", ["0", "61", "-1", "soon"])
def test_a_deadline_is_one_to_sixty_seconds(name: str, value: str) -> None:
    assert_one_line(run({name: value}, [sys.executable, "-c", SHOW]), name)


@pytest.mark.parametrize("value", ["0", "-1", "some"])
def test_a_number_of_requests_with_which_none_is_ever_answered_is_refused(value: str) -> None:
    done = run({"WEB_CLIENT_REQUESTS": value}, [sys.executable, "-c", SHOW])

    assert_one_line(done, "WEB_CLIENT_REQUESTS")


def test_heads_and_bodies_have_a_deadline_unless_a_setting_names_another() -> None:
    assert run({}, [sys.executable, "-c", SHOW]).stdout.split() == ["40", "20"]
