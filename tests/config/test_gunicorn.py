"""The settings of gunicorn: the address, the processes, and the connections that its threads share."""

from __future__ import annotations

import runpy
import sys

import pytest

from tests.config.bare_environment import assert_one_line, run

GUNICORN = [sys.executable, "-c", "import runpy; runpy.run_path('config/gunicorn.py')"]


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEY", None), ("DATABASE_URL", "sqlite:///x"), ("PORT", "http")]
)
def test_gunicorn_stops_with_one_line_that_names_the_setting(name: str, value: str | None) -> None:
    assert_one_line(run({name: value}, GUNICORN), name)


@pytest.mark.parametrize(("given", "size"), [(None, "10"), ("4", "4")])
def test_the_web_process_shares_connections_and_the_operator_may_choose_how_many(
    given: str | None, size: str
) -> None:
    script = (
        "import runpy; runpy.run_path('config/gunicorn.py'); from config import settings;"
        "print(settings.DATABASE['OPTIONS']['pool']['max_size'])"
    )

    assert run({"DATABASE_POOL_SIZE": given}, [sys.executable, "-c", script]).stdout.strip() == size


def test_gunicorn_binds_to_the_given_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "10")
    monkeypatch.setenv("WEB_CONCURRENCY", "2")

    settings = runpy.run_path("config/gunicorn.py")

    assert (settings["bind"], settings["workers"]) == ("127.0.0.1:8123", 2)
    assert settings["worker_class"] == "gthread"
