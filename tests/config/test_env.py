"""Settings: what is missing or weak stops every process with one line that names it and no secret."""

from __future__ import annotations

import base64
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from tests.measured import measured

PASSWORD = "hunter2-in-the-url"
GOOD = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "TOKEN_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
    "DATABASE_URL": f"postgres://countersign:{PASSWORD}@127.0.0.1:1/countersign",
}
CHECK = [sys.executable, "manage.py", "check"]
GUNICORN = [sys.executable, "-c", "import runpy; runpy.run_path('config/gunicorn.py')"]


def run(
    changes: dict[str, str | None], command: list[str] = CHECK
) -> subprocess.CompletedProcess[str]:
    """Run the command with only GOOD and these changes in its environment (None: unset)."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    wanted = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return subprocess.run(
        command,
        env=kept | measured() | wanted,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_line(stopped: subprocess.CompletedProcess[str], name: str) -> None:
    """Check for exit code 1 and one line that names the setting, without a traceback or a secret."""
    lines = stopped.stderr.strip().splitlines()
    assert (stopped.returncode, len(lines)) == (1, 1), stopped.stderr
    assert name in lines[0]
    output = stopped.stdout + stopped.stderr
    for secret in (PASSWORD, GOOD["SECRET_KEY"], GOOD["TOKEN_KEYS"].partition(":")[2], "weakweak"):
        assert secret not in output


def test_good_settings_start() -> None:
    assert run({}).returncode == 0


SHORT = base64.b64encode(bytes(range(31))).decode()
FLAT = base64.b64encode(b"a" * 32).decode()
BAD = [
    ("SECRET_KEY", None), ("SECRET_KEY", ""), ("SECRET_KEY", "weakweakweak"), ("SECRET_KEY", "a" * 60),
    ("TOKEN_KEYS", None), ("TOKEN_KEYS", "weakweakweak"), ("TOKEN_KEYS", f"k1:{SHORT}"),
    ("TOKEN_KEYS", f"k1:{FLAT}"), ("TOKEN_KEYS", "k1:" + "*" * 44), ("TOKEN_KEYS", "0" * 44),
    ("TOKEN_KEYS", "k1:" + "no.base64!?" * 4),
    ("TOKEN_KEYS", GOOD["TOKEN_KEYS"] + "," + GOOD["TOKEN_KEYS"]), ("TOKEN_KEYS", GOOD["TOKEN_KEYS"] + ","),
    ("TOKEN_KEYS", "k" * 33 + GOOD["TOKEN_KEYS"]),
    ("DATABASE_URL", None), ("DATABASE_URL", f"sqlite:///{PASSWORD}.db"), ("DATABASE_URL", PASSWORD),
    ("DATABASE_URL", f"postgres://u:{PASSWORD}@h:port/x"), ("DATABASE_URL", f"mysql://u:{PASSWORD}@h/x"),
    ("LOG_LEVEL", "loud"), ("DATABASE_POOL_SIZE", "many"), ("EMAIL_URL", f"pigeon://u:{PASSWORD}@h"),
    ("SECRET_KEY_FILE", "/nowhere/at/all"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{n}={str(v)[:20]}" for n, v in BAD])
def test_a_missing_or_weak_setting_stops_with_one_line_that_names_it(
    name: str, value: str | None
) -> None:
    changes = {name: value} | ({"SECRET_KEY": None} if name == "SECRET_KEY_FILE" else {})

    assert_one_line(run(changes), name)


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEY", None), ("DATABASE_URL", "sqlite:///x"), ("PORT", "http")]
)
def test_gunicorn_stops_in_the_same_way(name: str, value: str | None) -> None:
    assert_one_line(run({name: value}, GUNICORN), name)


def test_celery_stops_in_the_same_way() -> None:
    worker = [sys.executable, "-m", "celery", "-A", "config", "worker"]
    assert_one_line(run({"SECRET_KEY": None}, worker), "SECRET_KEY")


@pytest.mark.parametrize(("given", "size"), [(None, "10"), ("4", "4")])
def test_the_web_process_shares_connections_and_the_operator_may_say_how_many(
    given: str | None, size: str
) -> None:
    script = (
        "import runpy; runpy.run_path('config/gunicorn.py'); from config import settings;"
        "print(settings.DATABASE['OPTIONS']['pool']['max_size'])"
    )

    assert run({"DATABASE_POOL_SIZE": given}, [sys.executable, "-c", script]).stdout.strip() == size


def test_each_secret_may_come_from_a_file(tmp_path: Path) -> None:
    changes: dict[str, str | None] = {}
    for name, value in GOOD.items():
        (tmp_path / name).write_text(value + "\n")
        changes |= {name: None, f"{name}_FILE": str(tmp_path / name)}

    assert run(changes).returncode == 0


def test_debug_has_stand_ins_for_secrets_but_not_for_the_database() -> None:
    assert run({"DEBUG": "1", "SECRET_KEY": None, "TOKEN_KEYS": None}).returncode == 0
    assert_one_line(run({"DEBUG": "1", "DATABASE_URL": None}), "DATABASE_URL")


def test_production_has_no_warning_of_djangos_deployment_check() -> None:
    checked = run(
        {"PUBLIC_URL": "https://reviews.example.com"},
        [*CHECK, "--deploy", "--fail-level", "WARNING"],
    )

    assert checked.returncode == 0, checked.stderr


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


def test_gunicorn_binds_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "10")
    monkeypatch.setenv("WEB_CONCURRENCY", "2")

    settings = runpy.run_path("config/gunicorn.py")

    assert (settings["bind"], settings["workers"]) == ("127.0.0.1:8123", 2)
    assert settings["worker_class"] == "gthread"
