"""Values of environment variables: secrets from files too, keys in their order, and no value in a refusal."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from tests.config.bare_environment import BAD, GOOD, run


def test_each_secret_may_come_from_a_file(tmp_path: Path) -> None:
    changes: dict[str, str | None] = {}
    for name, value in GOOD.items():
        (tmp_path / name).write_text(value + "\n")
        changes |= {name: None, f"{name}_FILE": str(tmp_path / name)}

    assert run(changes).returncode == 0


def test_the_key_ring_keeps_its_order_and_the_first_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = "k2:" + base64.b64encode(bytes(range(9, 41))).decode()
    monkeypatch.setenv("TOKEN_KEYS", f" {newer} , {GOOD['TOKEN_KEYS']} ")

    ring = env.key_ring("TOKEN_KEYS", debug="")

    assert list(ring) == ["k2", "k1"]
    assert ring["k1"] == bytes(range(32))


@pytest.mark.parametrize(
    ("name", "value"), [bad for bad in BAD if bad[0] in {"SECRET_KEY", "TOKEN_KEYS"}]
)
def test_what_is_refused_is_named_and_never_shown(
    name: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        env.key_ring(name, debug="") if name == "TOKEN_KEYS" else env.secret(
            name, minimum=50, debug=""
        )

    assert not value or value not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "least", "taken"),
    [("30", 15, 30), ("0", 15, 0), ("0", 0, 0), ("14", 15, None), ("-1", 0, None), ("0", 1, None)],
)
def test_a_retention_is_long_enough_or_for_ever(
    monkeypatch: pytest.MonkeyPatch, given: str, least: int, taken: int | None
) -> None:
    monkeypatch.setenv("RETENTION_X_DAYS", given)

    if taken is None:
        with pytest.raises(ImproperlyConfigured, match="RETENTION_X_DAYS"):
            env.env.retention("RETENTION_X_DAYS", default=90, least=least)
    else:
        assert env.env.retention("RETENTION_X_DAYS", default=90, least=least) == taken
