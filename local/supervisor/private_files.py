"""The demo's secrets, and files that only their owner may read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from local.processes import LocalError


def demo_secrets(path: Path) -> dict[str, str]:
    """Return the secrets of this clone's demo by name; made once, because its database needs them.

    Raises `LocalError` if `path` is not JSON.
    """
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        values = {
            "secret_key": secrets.token_urlsafe(50),
            "token_keys": f"demo:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "password": f"demo-{secrets.token_urlsafe(9)}",
        }
        write_private(path, json.dumps(values, indent=2))
    except ValueError as broken:
        raise LocalError(f"{path} is not readable: remove it") from broken
    return {str(name): str(value) for name, value in values.items()}


def write_private(path: Path, text: str) -> None:
    """Write `path` in one step, readable by its owner only from the start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode from the start
        file.write(f"{text}\n")
    fresh.replace(path)
