"""Processes of the service with no settings but those that a test gives them."""

from __future__ import annotations

import base64
import os
import subprocess
import sys

from tests.measured import measured

PASSWORD = "hunter2-in-the-url"
GOOD = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "TOKEN_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
    "DATABASE_URL": f"postgres://countersign:{PASSWORD}@127.0.0.1:1/countersign",
}
CHECK = [sys.executable, "manage.py", "check"]
SHORT = base64.b64encode(bytes(range(31))).decode()
FLAT = base64.b64encode(b"a" * 32).decode()
# Settings that stop a process: missing, weak, or not what they should be.
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
