"""The command of earlier releases: it starts the new server with gunicorn's own address and processes."""

from __future__ import annotations

import os
import runpy
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from tests.config.bare_environment import assert_one_line, run

GUNICORN = [sys.executable, "-c", "import runpy; runpy.run_path('config/gunicorn.py')"]


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEY", None), ("DATABASE_URL", "sqlite:///x"), ("PORT", "http")]
)
def test_gunicorn_stops_with_one_line_that_names_the_setting(name: str, value: str | None) -> None:
    assert_one_line(run({name: value}, GUNICORN), name)


def test_gunicorn_binds_to_the_given_port() -> None:
    script = (
        "import runpy; found = runpy.run_path('config/gunicorn.py');"
        "print(found['bind'], found['workers'], found['worker_class'])"
    )
    done = run({"PORT": "8123", "WEB_CONCURRENCY": "2"}, [sys.executable, "-c", script])

    assert done.stdout.strip() == "127.0.0.1:8123 2 gthread"


def test_options_of_gunicorn_go_on_to_the_new_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "WEB_CONCURRENCY"):
        monkeypatch.setenv(name, "0")  # restored afterwards
    replaced = Mock()
    monkeypatch.setattr(os, "execv", replaced)
    arbiter = SimpleNamespace(log=Mock(), cfg=SimpleNamespace(bind=["[::1]:99"], workers=3))

    runpy.run_path("config/gunicorn.py")["on_starting"](arbiter)

    found = [os.environ[name] for name in ("HOST", "PORT", "WEB_CONCURRENCY")]
    assert found == ["::1", "99", "3"]
    assert replaced.call_args.args[1][1:] == ["-m", "config.web"]
    assert "deprecated" in arbiter.log.warning.call_args.args[0]
