#!/usr/bin/env python
"""Django's command line; a wrong setting is one line instead of a traceback."""

from __future__ import annotations

import base64
import os
import secrets
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

# Commands that only read files: they need no database and no secret.
FILE_COMMANDS = {"lint_workflow", "price_workflow"}


def main() -> None:
    """Run the management command named on the command line."""
    if sys.argv[1:2] == ["demo"]:  # makes the environment that Django's settings need
        os.execv(sys.executable, [sys.executable, "-m", "local.supervisor", *sys.argv[2:]])  # noqa: S606
    if FILE_COMMANDS & set(sys.argv[1:2]):
        _set_unused_settings()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def _set_unused_settings() -> None:
    """Give the required settings values that are never used, also if the environment has others."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    unused = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TOKEN_KEYS": f"unused:{key}",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    }
    for name, value in unused.items():
        os.environ[name] = value
        os.environ.pop(f"{name}_FILE", None)


if __name__ == "__main__":
    main()
