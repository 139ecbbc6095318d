"""Settings: what is missing or weak stops a process with one line that names it and no secret."""

from __future__ import annotations

import pytest

from tests.config.bare_environment import BAD, CHECK, assert_one_line, run


def test_good_settings_start() -> None:
    assert run({}).returncode == 0


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{n}={str(v)[:20]}" for n, v in BAD])
def test_a_missing_or_weak_setting_stops_with_one_line_that_names_it(
    name: str, value: str | None
) -> None:
    changes = {name: value} | ({"SECRET_KEY": None} if name == "SECRET_KEY_FILE" else {})

    assert_one_line(run(changes), name)


def test_debug_has_stand_ins_for_secrets_but_not_for_the_database() -> None:
    assert run({"DEBUG": "1", "SECRET_KEY": None, "TOKEN_KEYS": None}).returncode == 0
    assert_one_line(run({"DEBUG": "1", "DATABASE_URL": None}), "DATABASE_URL")


def test_production_has_no_warning_of_djangos_deployment_check() -> None:
    checked = run(
        {"PUBLIC_URL": "https://reviews.example.com"},
        [*CHECK, "--deploy", "--fail-level", "WARNING"],
    )

    assert checked.returncode == 0, checked.stderr
