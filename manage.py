#!/usr/bin/env python
"""Django's command line, with one clear line instead of a traceback where a setting is wrong."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser


def main() -> None:
    """Run the management command named on the command line."""
    if sys.argv[1:2] == ["demo"]:  # makes the very environment that Django's settings need
        from approvals.local import supervisor  # noqa: PLC0415

        told = "Run the whole service on this machine, with orders arriving. PORT=8001 moves it."
        ArgumentParser(prog="manage.py demo", description=told).parse_args(sys.argv[2:])
        sys.exit(supervisor.run())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
