#!/usr/bin/env python
"""Django's command line, with one clear line instead of a traceback where a setting is wrong."""

from __future__ import annotations

import base64
import os
import secrets
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

# Commands that read a file and answer: they open no database and no secret, so they need none.
READ_FILES_ALONE = {"lint_workflow", "price_workflow"}


def main() -> None:
    """Run the management command named on the command line."""
    if sys.argv[1:2] == ["demo"]:  # makes the very environment that Django's settings need
        os.execv(sys.executable, [sys.executable, "-m", "local.supervisor", *sys.argv[2:]])  # noqa: S606
    if READ_FILES_ALONE & set(sys.argv[1:2]):
        _stand_in_for_what_settings_ask()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def _stand_in_for_what_settings_ask() -> None:
    """Keys that nothing is sealed with, a database that nobody opens: whatever another project has set."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    stand_ins = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TOKEN_KEYS": f"unused:{key}",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    }
    for name, value in stand_ins.items():
        os.environ[name] = value
        os.environ.pop(f"{name}_FILE", None)


if __name__ == "__main__":
    main()
