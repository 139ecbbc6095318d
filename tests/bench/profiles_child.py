"""Profiles requests of standard input in a process with the web process's settings; `profiles` starts it."""

from __future__ import annotations

import json
import sys

from tests.bench.profiles import profile


def main() -> None:
    """Answer the requests, and print what they cost."""
    from config.wsgi import application  # noqa: PLC0415  (the settings are those of the environment)

    profile(application, json.load(sys.stdin))


if __name__ == "__main__":
    main()
