"""The child process that prepares the demo's database: the message when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.processes import LocalError
from local.supervisor import demo_data as seeds

EVERYBODY = seeds.people("demo-password")


@pytest.mark.django_db
def test_a_database_that_is_away_is_one_clear_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    away = environment | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}

    with pytest.raises(
        LocalError, match=r"could not be prepared: .*Is the server running"
    ) as refused:
        seeds.seed(away, EVERYBODY, tmp_path / "seed.log")

    assert "\n" not in str(refused.value)
    assert str(tmp_path / "seed.log") in str(refused.value)


@pytest.mark.django_db
def test_a_seed_that_takes_too_long_is_ended_with_a_message(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds, "_SEED_SECONDS", 0.01)

    with pytest.raises(LocalError, match="was not prepared in"):
        seeds.seed(environment, EVERYBODY, tmp_path / "seed.log")


def test_the_lead_comes_first_because_the_api_token_is_theirs() -> None:
    first, *others = EVERYBODY

    assert (first.role, set(first.site)) == ("lead", {"orders", "operator", "auditor"})
    assert [person.site for person in others] == [("orders",), ()]
